"""Softmax regression against scikit-learn and against its own gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from moe_lab.likelihood import mixing, softmax
from moe_lab.likelihood.arrays import logits
from moe_lab.likelihood.mixing import fit_mixing, fit_pooled_mean
from moe_lab.likelihood.softmax import fit_softmax, softmax_gradient


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(300, 3))
    y = (Z @ rng.normal(size=(3, 4)) + rng.gumbel(size=(300, 4))).argmax(axis=1)
    return Z, y, rng.uniform(0.5, 2, size=300)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_hard_targets_give_scikit_learns_logistic_regression(problem, C):
    Z, y, weight = problem
    peer = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(Z, y, sample_weight=weight)
    coef = fit_softmax(Z, np.eye(4)[y], weight, C=C)
    assert_allclose(coef[:-1].T, peer.coef_, atol=1e-5)
    assert_allclose(coef[-1] - coef[-1, 0], peer.intercept_ - peer.intercept_[0], atol=1e-5)


def test_newton_and_lbfgs_agree(problem, monkeypatch):
    Z, y, weight = problem
    newton = fit_softmax(Z, np.eye(4)[y], weight)
    monkeypatch.setattr(softmax, "NEWTON_LIMIT", 0)
    assert_allclose(fit_softmax(Z, np.eye(4)[y], weight, max_iter=5000), newton, atol=1e-4)


def test_a_weight_of_two_is_two_rows(problem):
    Z, y, _ = problem
    weight = np.random.default_rng(1).integers(1, 4, size=300)
    repeated = np.repeat(np.arange(300), weight)
    weighted = fit_softmax(Z, np.eye(4)[y], weight.astype(float))
    assert_allclose(fit_softmax(Z[repeated], np.eye(4)[y[repeated]]), weighted, rtol=1e-8)


def test_separable_classes_unregularised_stay_finite():
    Z = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    coef = fit_softmax(Z, np.eye(2)[[0, 0, 1, 1]], C=np.inf)
    assert np.isfinite(coef).all()
    assert_allclose(logits(Z, coef).argmax(axis=1), [0, 0, 1, 1])


@pytest.mark.parametrize("kind", ["targets", "mixing", "pooled"])
def test_gradients_are_those_of_the_objective(problem, kind):
    Z, y, weight = problem
    rng = np.random.default_rng(2)
    made = {
        "targets": lambda: softmax._SoftTargets(
            Z, rng.dirichlet(np.ones(4), 300), weight, 0.1, 0.5
        ),
        "mixing": lambda: mixing._Mixing(Z, rng.normal(size=(300, 4))).weighted(weight, 0.1),
        "pooled": lambda: mixing._PooledMean(Z, rng.normal(size=(300, 4)), y).weighted(weight, 0.1),
    }[kind]()
    coef = rng.normal(size=(4, 4))
    numeric = approx_fprime(
        coef.ravel(), lambda flat: made.value_and_gradient(flat.reshape(4, 4))[0], 1e-6
    )
    assert_allclose(made.value_and_gradient(coef)[1].ravel(), numeric, rtol=1e-3, atol=1e-2)


def test_mixing_finds_the_expert_that_is_right_on_each_side():
    Z = np.linspace(-1, 1, 200)[:, None]
    log_lik = np.where(np.column_stack([Z < 0, Z > 0]), 0.0, -3.0)
    coef = fit_mixing(Z, log_lik, C=100.0)
    assert_allclose(logits(Z, coef).argmax(axis=1), Z[:, 0] > 0)


def test_pooled_mean_does_not_depend_on_the_unit_of_y():
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(100, 2)), rng.normal(size=100)
    predictions = y[:, None] + rng.normal(size=(100, 3))
    coef = fit_pooled_mean(Z, predictions, y)
    assert_allclose(fit_pooled_mean(Z, 1e3 * predictions, 1e3 * y), coef, atol=1e-5)


@pytest.mark.parametrize("C", [0, -1.0, np.nan])
def test_c_must_be_positive(C):
    with pytest.raises(ValueError, match="C must be positive, got C="):
        fit_softmax(np.ones((4, 1)), np.eye(2)[[0, 0, 1, 1]], C=C)


def test_two_classes_are_fitted_as_log_odds():
    rng = np.random.default_rng(0)
    Z, weight = rng.normal(size=(200, 5)), rng.random(200)
    targets = rng.dirichlet([1, 1], 200)
    centre = rng.normal(size=(5, 1)) * [[-1, 1]]
    coef = fit_softmax(Z, targets, weight, C=0.5, centre=centre)
    gradient = softmax_gradient(Z, coef, targets, weight, C=0.5, centre=centre)
    assert_allclose(gradient, 0, atol=1e-6)
    assert_allclose(coef.sum(axis=1), 0, atol=1e-12)
