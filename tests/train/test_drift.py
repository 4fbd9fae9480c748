"""Tables that change with the order of their rows, and what is said of them."""

import warnings

import numpy as np
import pytest

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.train.out_of_fold.drift import disagreement, is_drift

POOL = [
    "linear",
    "k_nearest",
    ("lightgbm", {"n_estimators": 30}),
    ("extra_trees", {"n_estimators": 20}),
]


def regimes(n_samples=900):
    """In the last third the wave has turned round: who learnt it is wrong there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3))
    side = np.where(np.arange(n_samples) < 2 * n_samples / 3, 1.0, -1.0)
    return X, 2 * X[:, 0] + 2 * side * np.sin(3 * X[:, 1]) + 0.2 * rng.normal(size=n_samples)


def told(moe, X, y, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        moe(POOL, random_state=0).fit(X, y, **settings)
    return [str(one.message) for one in caught if "change with their order" in str(one.message)]


@pytest.mark.parametrize("moe", [MoERegressor, MoEClassifier])
def test_a_table_that_changes_over_time_is_told_of_and_its_shuffled_copy_is_not(moe):
    X, y = regimes()
    y = y if moe is MoERegressor else y > 0
    (message,) = told(moe, X, y)
    assert "linear gains on the others in the last 300 of 900 rows" in message
    order = np.random.default_rng(1).permutation(len(y))
    assert not told(moe, X[order], y[order])


def test_groups_have_no_order():
    X, y = regimes()
    assert not told(MoERegressor, X, y, groups=np.arange(900) // 3)


def many_losses():
    """Of the same hard and easy rows."""
    rng = np.random.default_rng(0)
    return rng.exponential(size=(900, 1)) + 0.1 * rng.normal(size=(900, 5))


@pytest.mark.parametrize(("n_changed", "drift"), [(0, False), (1, False), (2, True)])
def test_one_expert_that_fails_in_a_fold_is_no_drift(n_changed, drift):
    losses, last = many_losses(), np.arange(600, 900)
    losses[600:, :n_changed] += 1
    losses[600:, 5 - n_changed * drift :] -= 1
    assert is_drift(*disagreement(losses, last)) == drift


def test_noise_that_grows_is_no_disagreement():
    """All experts lose alike."""
    losses = many_losses()
    losses[600:] += 3
    change, errors = disagreement(losses, np.arange(600, 900))
    assert np.abs(errors).max() < 4.5
    assert not is_drift(change, errors)
