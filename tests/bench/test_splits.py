"""One split a seed: so many rows to train on, and what is held out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from moe_lab.bench import compare, fit_on_split, paired
from moe_lab.bench.comparison import encode_target
from moe_lab.bench.splits import draw_split
from moe_lab.datasets.base import Dataset


def make(task="regression", n_samples=200, classes=None, **parts) -> Dataset:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"row": np.arange(float(n_samples)), "x": rng.normal(size=n_samples)})
    y = rng.normal(size=n_samples) if classes is None else classes
    return Dataset("made", X, pd.Series(y), task, **parts)


def split(dataset, n_train=50, n_test=30, seed=0):
    y, _ = encode_target(dataset)
    return draw_split(dataset, y, n_train=n_train, n_test=n_test, seed=seed)


def test_as_many_rows_as_were_asked_for_and_none_on_both_sides():
    train, test = split(make())

    assert (len(train), len(test)) == (50, 30)
    assert not set(train) & set(test)
    assert (np.diff(train) > 0).all()  # in the order of the rows


def test_seeds_draw_other_rows_and_one_seed_the_same():
    assert set(split(make(), seed=0)[0]) != set(split(make(), seed=1)[0])
    assert np.array_equal(split(make(), seed=1)[0], split(make(), seed=1)[0])


def test_training_gets_seventy_percent_at_most():
    train, test = split(make(), n_train=1000, n_test=1000)

    assert (len(train), len(test)) == (140, 60)


@pytest.mark.parametrize("seed", range(5))
def test_every_class_is_in_training_and_shares_are_kept(seed):
    classes = np.array(["often"] * 150 + ["seldom"] * 48 + ["twice"] * 2 + ["once"])
    dataset = make("classification", 201, classes)
    train, test = split(dataset, n_train=100, n_test=60, seed=seed)

    drawn = pd.Series(classes[train]).value_counts()
    assert set(drawn.index) == set(classes)
    assert abs(drawn["often"] - 75) <= 2
    assert abs((classes[test] == "often").sum() - 45) <= 2


def test_groups_stay_whole():
    groups = pd.Series(np.repeat(np.arange(20), 10))
    train, test = split(make(groups=groups), n_train=55, n_test=300)

    assert len(train) == 50  # five groups; a sixth would be too many rows
    assert len(test) == 150
    assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_drawn_so_that_training_sees_every_class(seed):
    groups = pd.Series(np.repeat(np.arange(20), 10))
    classes = np.where(groups < 10, "a", np.where(groups < 15, "b", "c"))
    train, _ = split(make("classification", classes=classes, groups=groups), 60, 140, seed)

    assert set(classes[train]) == {"a", "b", "c"}


def test_in_time_order_the_test_is_the_end_whatever_the_seed():
    ordered = make(time_ordered=True)
    first, second = split(ordered, seed=0), split(ordered, seed=1)

    assert list(first[0]) == list(range(120, 170))
    assert list(first[1]) == list(range(170, 200))
    assert [list(rows) for rows in first] == [list(rows) for rows in second]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_train": 0}, ValueError, "n_train must be at least 1, got n_train=0"),
        ({"n_train": 10.5}, TypeError, "n_train must be a whole number, got n_train=10.5"),
        ({"n_test": -1}, ValueError, "n_test must be at least 1, got n_test=-1"),
    ],
)
def test_wrong_counts_are_told(change, error, message):
    with pytest.raises(error, match=message):
        compare({"mean": DummyRegressor()}, make(), **{"n_train": 20} | change, progress=False)


def test_fewer_rows_than_classes_or_than_a_group_are_told():
    classes = np.repeat(["a", "b", "c", "d"], 50)
    with pytest.raises(ValueError, match="at least n_classes, got n_train=3"):
        split(make("classification", classes=classes), n_train=3)
    with pytest.raises(ValueError, match="at least one whole group, got n_train=3"):
        split(make(groups=pd.Series(np.repeat([0, 1], 100))), n_train=3)


def test_compare_draws_one_split_a_seed():
    scores = compare(
        {"mean": DummyRegressor()}, make(), seeds=(0, 1, 2), n_train=50, n_test=30, progress=False
    )
    rmse = scores[scores["metric"] == "rmse"]

    assert rmse[["n_folds", "seed", "fold", "n_train", "n_test"]].to_numpy().tolist() == [
        [1, seed, 0, 50, 30] for seed in range(3)
    ]
    assert rmse["score"].nunique() == 3


def test_the_split_that_is_looked_into_is_the_one_compared():
    scores = compare({"mean": DummyRegressor()}, make(), n_train=50, n_test=30, progress=False)
    fitted, X_test, y_test = fit_on_split(DummyRegressor(), make(), 50, 30)

    rmse = np.sqrt(np.mean((fitted.predict(X_test) - y_test) ** 2))
    assert rmse == pytest.approx(scores["score"].iloc[0])


def test_over_seeds_the_standard_error_is_the_plain_one():
    base = {"dataset": "d", "task": "regression", "metric": "rmse", "n_folds": 1, "fold": 0}
    scores = pd.DataFrame(
        base
        | {
            "method": ["stacking"] * 4 + ["moe"] * 4,
            "seed": [0, 1, 2, 3] * 2,
            "n_train": 2000,
            "n_test": 4000,
            "score": [10.0] * 4 + [9.0, 9.2, 9.4, 9.6],
        }
    )
    plain = np.std([-10, -8, -6, -4], ddof=1) / 2

    assert paired(scores)["se"].iloc[0] == pytest.approx(plain)
