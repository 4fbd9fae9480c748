"""The linear expert: its penalty, its noise scale, its gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge

from moe_lab import MoERegressor
from moe_lab.experts.linear import GaussianLinear
from moe_lab.train import EM


def crowded(n_samples, n_features, noise, seed, n_active=5):
    """Rows, targets, and fresh rows with their means; few columns count."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples + 1000, n_features))
    means = X[:, :n_active] @ rng.normal(size=n_active)
    y = means + noise * rng.normal(size=len(X))
    return X[:n_samples], y[:n_samples], X[n_samples:], means[n_samples:]


def error(predicted, truth):
    return np.sqrt(np.mean((predicted - truth) ** 2))


@pytest.mark.parametrize("shape", [(60, 60), (60, 59), (60, 55), (60, 100), (30, 28)], ids=str)
@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_as_many_columns_as_rows_cost_no_more_than_in_ridge_regression(shape, noise):
    ratios = []
    for seed in range(5):
        X, y, fresh, truth = crowded(*shape, noise, seed)
        moe = MoERegressor("linear", 1, train="em").fit(X, y)
        ridge = Ridge(1.0).fit(X, y)
        ratios.append(error(moe.predict(fresh), truth) / error(ridge.predict(fresh), truth))
    assert np.mean(ratios) < 1.05


def test_where_rows_are_plenty_a_plain_line_is_hardly_shrunk():
    X, y, fresh, truth = crowded(200, 20, 0.0, 0)
    assert error(GaussianLinear().fit(X, y).predict(fresh), truth) < 2e-4 * truth.std()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_crowded_mixture_of_em_is_better_than_the_mean():
    ratios = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, slopes = rng.normal(size=(1200, 30)), rng.normal(size=(4, 30))
        means = np.sum(X * slopes[2 * (X[:, 0] > 0) + (X[:, 1] > 0)], axis=1)
        y = means[:200] + rng.normal(size=200)
        moe = MoERegressor("linear", 4, train="em", random_state=0).fit(X[:200], y)
        ratios.append(error(moe.predict(X[200:]), means[200:]) / means.std())
        assert moe.gate_.C_ < 0.05
    assert np.max(ratios) < 0.95


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_a_crowded_fit_takes_y_in_any_unit(unit):
    X, y, _, _ = crowded(40, 39, 1.0, 0)
    one, other = GaussianLinear().fit(X, y), GaussianLinear().fit(X, unit * y)
    assert_allclose(other.coef_, unit * one.coef_, rtol=1e-6, atol=1e-9 * unit)
    assert other.scale_ == pytest.approx(unit * one.scale_)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("n_features", [2, 20, 40])
def test_fit_is_where_the_gradient_of_the_linear_objective_vanishes(n_features, alpha):
    X, y, _, _ = crowded(60, n_features, 1.0, 0, n_active=2)
    weight = np.random.default_rng(1).random(60)
    model = GaussianLinear(alpha, prior_scale=2.0).fit(X, y, weight)
    assert_allclose(model.gradient(X, y, weight), 0, atol=1e-4)
    model.vector = model.vector + np.random.default_rng(2).normal(0, 0.1, len(model.vector))

    def objective(vector):
        model.vector = vector
        return weight @ model.log_prob(X, y) + model.log_prior_

    vector = model.vector
    numerical = approx_fprime(vector, objective, 1e-7)
    model.vector = vector
    assert_allclose(model.gradient(X, y, weight), numerical, rtol=1e-3, atol=1e-2)


def test_the_objective_of_crowded_experts_never_drops():
    X, y, _, _ = crowded(80, 20, 1.0, 0)
    em = EM(n_init=1, max_iter=30, tol=0, quasi_newton=False)
    moe = MoERegressor("linear", 3, train=em, random_state=0)
    with pytest.warns(ConvergenceWarning, match="before the objective"):
        objective = moe.fit(X, y).history_["objective"]
    assert (np.diff(objective) > -1e-7).all()
