"""The anchored gate, and what else grows trees by an objective of its own, on exact answers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.gate import BoostedGate
from moe_lab.gate.anchored import AnchoredGate
from moe_lab.methods import StackingVarianceRegressor

POOL = [
    ("lightgbm", {"n_estimators": 50}),
    ("xgboost", {"n_estimators": 50}),
    ("extra_trees", {"n_estimators": 50}),
    "linear",
]


def leaked(seed, n_samples=300):
    """Return a table whose last column is the target, and the target: few whole numbers."""
    X = np.random.default_rng(seed).normal(size=(n_samples, 3))
    y = np.round(np.abs(X[:, 0]) * 3)
    return np.column_stack([X, y]), y


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_default_mixture_fits_a_leaked_column(seed):
    X, y = leaked(seed)
    assert MoERegressor(POOL, random_state=seed).fit(X, y).score(X, y) > 0.999


@pytest.mark.parametrize(("error", "seed"), [(1e-3, 22), (1e-5, 26), (1e-7, 22), (1e-13, 22)])
def test_an_anchor_that_is_nearly_exact_is_kept(error, seed):
    rng = np.random.default_rng(seed)
    rng.choice([60, 300, 1000])
    X = rng.normal(size=(1000, 3))
    y = X.sum(axis=1)
    exact = y + error * rng.normal(size=1000)
    others = [y + rng.normal(size=1000), y + rng.normal(size=1000) * (rng.random(1000) < 0.3)]
    predictions = np.stack([exact, *others], axis=1)[:, :, None]
    gate = AnchoredGate(anchor=[1, error, error])
    weights = gate.fit_pooled(X, predictions, y, "squared_error").predict_proba(X, predictions)
    assert_allclose(weights[:, 0], 1, atol=3 * error)


@pytest.mark.parametrize("spread", [0, 9], ids=["even", "weighted"])
@pytest.mark.parametrize(
    "model",
    [
        MoERegressor(n_experts=3, train="boosting", random_state=0),
        MoEClassifier(n_experts=3, train="boosting", random_state=0),
        MoERegressor("linear", n_experts=3, gate="boosted", train="em", random_state=0),
        MoERegressor(["linear", "k_nearest", "residual_stacker"], random_state=0),
        MoEClassifier(["linear", "k_nearest", "residual_stacker"], random_state=0),
        StackingVarianceRegressor(["linear"], random_state=0),
    ],
    ids=repr,
)
def test_exact_answers_stop_no_booster(model, spread):
    X, y = leaked(1)
    weight = 10.0 ** np.random.default_rng(0).uniform(-spread, 0, len(y))
    assert model.fit(X, y, sample_weight=weight).score(X, y, weight) > 0.9


def test_sure_responsibilities_stop_no_boosted_gate():
    X, y = leaked(1)
    sure = np.stack([y > 2, y <= 2], axis=1).astype(float)
    weights = BoostedGate(n_estimators=300, min_child_samples=1).fit(X, sure).predict_proba(X)
    assert_allclose(weights, sure, atol=1e-3)
