"""Stacking with a variance: its noise follows the rows, in the unit of y."""

import numpy as np
import pytest

from moe_lab.methods import LogOddsStackingRegressor, StackingVarianceRegressor
from moe_lab.methods.stacking_variance import LogVarianceTrees
from moe_lab.registry import methods
from moe_lab.table.folds import make_folds

POOL = ["linear", ("lightgbm", {"n_estimators": 10})]


def heteroscedastic(n_samples=500, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_samples, 2))
    noise = np.where(X[:, 1] > 0, 1.0, 0.1)
    return X, X[:, 0] + noise * rng.normal(size=n_samples), noise


def test_the_mean_is_the_plain_stack_s_and_the_noise_follows_the_rows():
    X, y, _ = heteroscedastic()
    new, target, noise = heteroscedastic(seed=1)
    one = StackingVarianceRegressor(POOL, random_state=0).fit(X, y)
    plain = LogOddsStackingRegressor(POOL, random_state=0).fit(X, y)
    assert np.allclose(one.predict(new), plain.predict(new))
    distribution = one.predict_distribution(new)
    assert np.allclose(distribution.mean, one.predict(new))
    assert distribution.std[noise == 1.0].mean() > 3 * distribution.std[noise == 0.1].mean()
    squares = ((target - distribution.mean) / distribution.std) ** 2
    assert 0.7 < squares.mean() < 1.4
    constant = -0.5 * np.log(2 * np.pi * np.mean((target - one.predict(new)) ** 2)) - 0.5
    assert one.score_samples(new, target).mean() > constant + 0.3


def test_constant_noise_grows_few_trees_and_its_scale_is_right():
    rng = np.random.default_rng(0)
    X, residuals = rng.normal(size=(600, 3)), 2.0 * rng.normal(size=600)
    folds = make_folds(residuals, task="regression")
    trees = LogVarianceTrees(0.01).fit(X, residuals, np.ones(600), folds)
    assert trees.n_rounds_ < 10
    assert trees.predict(X).mean() == pytest.approx(2.0, rel=0.1)


def test_residuals_of_zero_leave_the_least_scale():
    X, y, _ = heteroscedastic(200)
    one = StackingVarianceRegressor(["linear"], random_state=0).fit(X, np.full(200, 3.0))
    assert np.isfinite(one.score_samples(X, y)).all()


def test_it_is_for_regression_only():
    with pytest.raises(TypeError, match="task must be regression"):
        methods.create("stacking_variance").build("classification", n_classes=2)
