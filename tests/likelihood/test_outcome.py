"""Outcomes: what a noise scale is held against."""

import numpy as np
import pytest

from moe_lab import MoERegressor
from moe_lab.likelihood.outcome import noise_floor, unit_of
from moe_lab.train import EM


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 1))
    return X, np.abs(X[:, 0]) + 0.05 * rng.normal(size=600)


@pytest.mark.parametrize("unit", [1e-300, 1e-14, 1.0, 1e14])
def test_a_noise_floor_is_a_share_of_the_spread_in_any_unit(unit):
    y, weight = np.random.default_rng(0).normal(size=2000), np.ones(2000)
    floor = noise_floor(unit * y, weight, 0.01) / unit
    assert floor == pytest.approx(0.01, rel=0.05) or unit == 1e-300
    assert noise_floor(unit * y, weight, 0.01) > 0


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.repeat([0.0, 1.0], [80, 20]), 1 / 3.29),  # all of the middle half are equal
        (np.repeat([0.0, 1.0], [97, 3]), 1 / 4.653),
        (np.repeat([-1.0, 1.0], [50, 50]), 1.0),  # never above the standard deviation
        (np.full(100, 7.0), 4 * np.finfo(float).eps * 7 / 0.01),
        (np.zeros(100), np.sqrt(np.finfo(float).tiny) / 0.01),
    ],
    ids=["zeros", "rare", "two values", "constant", "zero"],
)
def test_a_noise_floor_of_few_values(y, expected):
    assert noise_floor(y, np.ones(100), 0.01) == pytest.approx(
        0.01 * min(expected, y.std() or np.inf), rel=1e-6
    )


def test_a_row_of_weight_two_counts_as_two_rows():
    y, weight = np.random.default_rng(0).normal(size=50), np.arange(50) % 3
    kept = weight > 0
    repeated = np.repeat(y, weight)
    one = noise_floor(y[kept], weight[kept].astype(float), 0.1)
    assert one == pytest.approx(noise_floor(repeated, np.ones(len(repeated)), 0.1))


def test_what_differs_by_more_than_rounding_is_not_constant(rows):
    _, y = rows
    ones = np.ones(len(y))
    assert unit_of(1e12 + y, ones) == pytest.approx(y.std(), rel=1e-3)
    assert unit_of(np.full(len(y), 0.1 + 0.2), ones) == 0.1 + 0.2
    assert unit_of(np.zeros(len(y)), ones) == 1.0


def width(moe, X):
    return np.median(np.diff(moe.predict_distribution(X).interval(0.9)))


@pytest.mark.parametrize(("unit", "origin"), [(1.0, 1e12), (1e-14, 0.0)])
@pytest.mark.parametrize("train", ["em", "out_of_fold"])
def test_intervals_are_the_same_whatever_unit_and_origin(rows, train, unit, origin):
    X, y = rows
    experts = ("linear", 2) if train == "em" else (["linear", "k_nearest"], None)
    moe = MoERegressor(*experts, train=train, random_state=0)
    plain = width(moe.fit(X, y), X)
    assert width(moe.fit(X, origin + unit * y), X) == pytest.approx(unit * plain, rel=0.02)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_few_outliers_do_not_widen_all_intervals(rows):
    X, y = rows
    moe = MoERegressor("linear", 3, train=EM(n_init=5), random_state=0)
    plain = width(moe.fit(X, y), X)
    far = y.copy()
    far[[10, 300]] += 1e4
    assert width(moe.fit(X, far), X) < 1.3 * plain
