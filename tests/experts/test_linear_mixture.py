"""The linear mixture: regimes are found, and where there are none it is the linear model."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import check_grad

from moe_lab.experts import linear_mixture
from moe_lab.experts.linear import GaussianLinear, SoftmaxLinear
from moe_lab.experts.linear_mixture import LinearMixtureClassifier, LinearMixtureRegressor
from moe_lab.likelihood.deviations import LogLossDeviations, SquaredErrorDeviations
from moe_lab.likelihood.linear_problem import LinearProblem


def regimes(n_samples, seed=0, slope=3.0):
    """A slope in the second column whose sign the first column says; slope=0: no regimes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    score = np.where(X[:, 0] > 0, slope, -slope) * X[:, 1] + X[:, 2]
    return X, score + 0.3 * rng.normal(size=n_samples), (score + rng.logistic(size=n_samples) > 0)


def deviations(task):
    rng = np.random.default_rng(0)
    Z, weight = rng.normal(size=(40, 3)), rng.random(40)
    if task == "regression":
        problem = SquaredErrorDeviations(Z, rng.normal(size=(40, 1)), 3, precision=0.3)
    else:
        targets = np.eye(4)[rng.integers(4, size=40)][:, 1:]
        problem = LogLossDeviations(Z, rng.normal(size=(40, 3)), targets, 3)
    problem = problem.weighted(weight / weight.sum(), 0.1)
    start = problem.start(rng)
    return problem, start + rng.normal(size=start.shape)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_gradient_is_that_of_the_loss(task):
    problem, coef = deviations(task)
    error = check_grad(
        lambda flat: problem.value_and_gradient(flat.reshape(coef.shape))[0],
        lambda flat: problem.value_and_gradient(flat.reshape(coef.shape))[1].ravel(),
        coef.ravel(),
    )
    assert isinstance(problem, LinearProblem)
    assert error < 1e-5


def test_the_penalty_counts_all_classes_alike():
    problem, coef = deviations("classification")
    by_class = np.insert(coef[:-1, :9].reshape(3, 3, 3), 0, 0.0, axis=2)
    by_class -= by_class.mean(axis=2, keepdims=True)
    squares = np.sum(by_class**2) + np.sum(coef[:-1, 9:] ** 2)
    assert_allclose(problem.penalised(coef)[0], 0.05 * squares)


def test_the_start_looks_where_the_regimes_are():
    X, y, _ = regimes(1000)
    residuals = y - GaussianLinear().fit(X, y).predict(X)
    problem = SquaredErrorDeviations(X, residuals[:, None], 2, precision=1.0)
    start = problem.weighted(np.full(1000, 1e-3), 1.0).start(np.random.default_rng(0))
    gate = np.abs(start[:, -1])
    assert set(np.argsort(gate)[-2:]) == {0, 1}


def test_regression_finds_regimes():
    X, y, _ = regimes(900)
    Z, target, _ = regimes(900, seed=1)
    linear = GaussianLinear().fit(X, y)
    mixture = LinearMixtureRegressor(random_state=0).fit(X, y)
    error, of_linear = (np.mean((target - m.predict(Z)) ** 2) for m in (mixture, linear))
    assert mixture.penalty_ < np.inf
    assert error < 0.3 * of_linear
    assert mixture.log_prob(Z, target).mean() > linear.log_prob(Z, target).mean() + 0.5


def test_classification_finds_regimes():
    X, _, y = regimes(1500)
    Z, _, target = regimes(1500, seed=1)
    mixture = LinearMixtureClassifier(n_classes=2, random_state=0).fit(X, y.astype(int))
    linear = SoftmaxLinear(n_classes=2).fit(X, y.astype(int))
    gain = mixture.log_prob(Z, target.astype(int)) - linear.log_prob(Z, target.astype(int))
    assert mixture.penalty_ < np.inf
    assert gain.mean() > 0.1


def test_without_regimes_it_is_the_linear_model():
    X, y, codes = regimes(600, slope=0.0)
    codes = codes.astype(int)
    mixture = LinearMixtureRegressor(random_state=0).fit(X, y)
    assert mixture.penalty_ == np.inf
    assert_allclose(mixture.predict(X), GaussianLinear().fit(X, y).predict(X))
    mixture = LinearMixtureClassifier(n_classes=2, random_state=0).fit(X, codes)
    assert mixture.penalty_ == np.inf
    expected = SoftmaxLinear(n_classes=2).fit(X, codes).predict_proba(X)
    assert_allclose(mixture.predict_proba(X), expected)


def test_many_classes_and_wide_tables_keep_the_linear_model():
    rng = np.random.default_rng(0)
    codes = np.arange(330) % 11
    many = LinearMixtureClassifier(n_classes=11).fit(rng.normal(size=(330, 2)), codes)
    wide = LinearMixtureRegressor().fit(rng.normal(size=(60, 20)), rng.normal(size=60))
    assert many.penalty_ == wide.penalty_ == np.inf


def test_far_out_it_says_what_it_says_at_the_edge():
    X, y, _ = regimes(900)
    mixture = LinearMixtureRegressor(random_state=0).fit(X, y)
    assert_allclose(mixture.predict([[3.0, 1e3, 0, 0]]), mixture.predict([[3.0, 1e6, 0, 0]]))


def test_the_penalty_is_chosen_on_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(linear_mixture, "MOST_ROWS", 300)
    seen = []
    path = LinearMixtureRegressor._path
    monkeypatch.setattr(
        LinearMixtureRegressor,
        "_path",
        lambda self, X, *a: seen.append(len(X)) or path(self, X, *a),
    )
    X, y, _ = regimes(2000)
    LinearMixtureRegressor(random_state=0).fit(X, y)
    assert seen == [200]


@pytest.mark.parametrize("kind", [LinearMixtureRegressor, LinearMixtureClassifier])
def test_no_expert_is_an_error(kind):
    with pytest.raises(ValueError, match="n_experts must be at least 1, got n_experts=0"):
        kind(n_experts=0).fit(np.ones((4, 1)), np.array([0, 1, 0, 1]))
