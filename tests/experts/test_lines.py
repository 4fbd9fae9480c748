"""Trees that know lines, how far a line goes on, and the pool that holds them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from moe_lab.experts import linear_start
from moe_lab.experts.cross_fitting import cross_fit, refit
from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.experts.linear import GaussianLinear
from moe_lab.experts.pools import TABLE, pool_of
from moe_lab.registry import experts
from moe_lab.table.data import TrainingData
from moe_lab.table.folds import make_folds

LINES = ["linear_start", "linear_leaves"]


def table(n_samples=240, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.uniform(-2, 2, n_samples), "z": rng.normal(size=n_samples)})
    X["group"] = pd.Categorical(rng.choice(["a", "b", "c"], n_samples))
    return X, 3 * X["x"].to_numpy() + (X["group"] == "b") + 0.3 * rng.normal(size=n_samples)


def target(score, n_classes):
    if n_classes is None:
        return score.to_numpy()
    return np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))


def built(name, n_classes=None, **params):
    task = "regression" if n_classes is None else "classification"
    return experts.create(name, **params).build(task, n_classes=n_classes, random_state=0)


def fitted(name, X, y, n_classes=None, **params):
    task = "regression" if n_classes is None else "classification"
    return fit_expert(built(name, n_classes, **params), X, y, task=task)


@pytest.mark.parametrize("n_classes", [None, 2, 3])
def test_trees_that_hardly_learn_leave_the_linear_model(n_classes):
    X, score = table()
    y = target(score, n_classes)
    still = {"n_estimators": 1, "learning_rate": 1e-9}
    started, line = (
        fitted("linear_start", X, y, n_classes, **still),
        fitted("linear", X, y, n_classes),
    )
    assert_allclose(
        predict_expert(started, X, n_classes=n_classes),
        predict_expert(line, X, n_classes=n_classes),
        atol=1e-6,
    )


def test_a_started_booster_goes_on_where_trees_end():
    X, score = table()
    y, far = score.to_numpy(), X.assign(x=X["x"] + 3.5)
    truth = y + 3 * 3.5
    errors = {
        name: np.abs(fitted(name, X, y).predict(far) - truth).mean()
        for name in ["lightgbm", *LINES]
    }
    assert errors["linear_start"] < 0.6
    assert errors["linear_leaves"] < 0.9 * errors["lightgbm"]


@pytest.mark.parametrize("n_classes", [None, 3])
@pytest.mark.parametrize("name", LINES)
def test_the_answer_for_a_fold_does_not_know_its_targets(name, n_classes):
    X, score = table()
    y, task = target(score, n_classes), "regression" if n_classes is None else "classification"
    folds = make_folds(y, task=task)
    _, held_out = folds[1]
    other = y.copy()
    other[held_out] = y[held_out][::-1]
    expert = built(name, n_classes, n_estimators=5, early_stopping_rounds=None)
    answers = [
        cross_fit([expert], TrainingData(X, one, task=task, n_classes=n_classes), folds)[:, 0]
        for one in (y, other)
    ]
    assert_allclose(answers[0][held_out], answers[1][held_out], atol=1e-9)
    rest = np.setdiff1d(np.arange(len(y)), held_out)
    assert np.abs(answers[0][rest] - answers[1][rest]).max() > 1e-3


def test_leaves_grow_with_the_rows(monkeypatch):
    X, score = table(400)
    few = fitted("linear_start", X, score.to_numpy(), n_estimators=1, min_child_samples=2)
    monkeypatch.setattr(linear_start, "MANY_ROWS", 400)
    many = fitted("linear_start", X, score.to_numpy(), n_estimators=1, min_child_samples=2)
    frames = [one.model_.model_[1].trees_to_dataframe() for one in (few, many)]
    n_leaves = [frame["left_child"].isna().sum() for frame in frames]
    assert n_leaves[0] <= 31 < n_leaves[1] <= 127


@pytest.mark.filterwarnings("ignore:The rows are ordered by y")
def test_many_rows_in_time_order_do_not_stop_the_trees_at_once(monkeypatch):
    """Each fold has a level of its own, of which the others know nothing."""
    X, score = table(600)
    drifting = score.to_numpy() + np.sin(4 * X["z"]) + np.repeat([-20.0, 0.0, 20.0], 200)
    X["time"] = np.arange(600.0)
    data, sizes = TrainingData(X, drifting), []
    for least in (10_000, 600):
        monkeypatch.setattr("moe_lab.experts.boosting.boosted.LEAST_ON_PART", least)
        _, (to_refit,) = cross_fit([built("linear_start")], data, data.folds(3), keep=True)
        sizes.append(refit(to_refit, data).model_.n_trees_)
    assert sizes[1] > max(20, 2 * sizes[0])


@pytest.mark.parametrize("far", [60.0, 1e6])
@pytest.mark.parametrize("name", ["linear", "linear_mixture", *LINES])
def test_one_far_row_does_not_carry_a_line_anywhere(name, far):
    """The column hardly matters, and where it ends no row says that it goes on."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    y = X[:, 0] + 0.2 * X[:, 1] + rng.normal(size=500)
    low, high = fitted(name, X, y).predict(np.array([[0.0, -far], [0.0, far]]))
    assert abs(high - low) < 0.3 * 6 * 3


def test_a_column_of_a_leaf_s_line_may_be_all_missing():
    X, score = table()
    X["none"] = np.nan
    leaves = fitted("linear_leaves", X, score.to_numpy(), n_estimators=5)
    assert_allclose(leaves.predict(X.assign(none=1e6)), leaves.predict(X))


def test_a_line_goes_on_where_the_outermost_rows_follow_it():
    """Few delays are long, and they arrive as late as they left."""
    rng = np.random.default_rng(0)
    delay = rng.lognormal(sigma=1.5, size=(2000, 1))
    line = GaussianLinear().fit(delay, 2 * delay[:, 0] + rng.normal(size=2000))
    far = 5 * delay.max()
    assert line.predict(np.array([[far]]))[0] == pytest.approx(2 * far, rel=0.01)


def test_rows_of_the_fit_are_read_as_they_are():
    X, score = table()
    Z = X[["x", "z"]].to_numpy().copy()
    Z[0, 1] = 50.0
    line = GaussianLinear().fit(Z, score.to_numpy())
    assert_allclose(line.predict(Z), Z @ line.coef_ + line.intercept_)


def names_of(*table):
    return {one if isinstance(one, str) else one[0] for one in pool_of(*table)}


@pytest.mark.parametrize(
    ("table", "left_out"),
    [
        (("regression", 2_000), {"linear_leaves"}),
        (("regression", 8_000), set()),
        (("regression", 50_000), {"catboost"}),
        (("classification", 2_000, 2), {"linear_leaves"}),
        (("classification", 50_000, 2), {"linear_leaves", "k_nearest"}),
        (("classification", 2_000, 3), {"linear_leaves", "catboost"}),
        (("classification", 2_000, 26), {"linear_leaves", "catboost", "linear_mixture"}),
    ],
)
def test_the_pool_suits_task_rows_and_classes(table, left_out, monkeypatch):
    monkeypatch.setattr("moe_lab.experts.pools._is_there", lambda name: True)
    assert names_of(*table) == {place.expert for place in TABLE} - left_out
    assert len(pool_of(*table)) == len(names_of(*table))


def test_the_pool_has_catboost_only_where_it_is_installed(monkeypatch):
    monkeypatch.setattr("moe_lab.experts.pools.find_spec", lambda name: None)
    assert "catboost" not in names_of("regression", 2_000)
