"""The gate "k_nearest": what it alone claims."""

import numpy as np
import pytest

from moe_lab import MoERegressor
from moe_lab.registry import gates

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(400, 2))
RING = np.hypot(*X.T) < 0.6  # inside it the first expert is right


def test_it_finds_a_ring_which_no_linear_gate_can():
    responsibilities = np.column_stack([RING, ~RING]).astype(float)
    weights = gates.create("k_nearest", n_neighbors=10).fit(X, responsibilities).predict_proba(X)
    assert np.mean((weights[:, 0] > 0.5) == RING) > 0.9


def test_fitted_to_the_pooled_loss_it_trusts_whoever_erred_less_nearby():
    y = X[:, 0]
    says = np.column_stack([np.where(RING, y, y + 1), np.where(RING, y - 1, y)])[:, :, None]
    gate = gates.create("k_nearest", n_neighbors=10).fit_pooled(X, says, y, "squared_error")
    assert np.mean((gate.predict_proba(X)[:, 0] > 0.5) == RING) > 0.9


def test_where_it_votes_with_all_rows_it_says_the_mean():
    responsibilities = RNG.dirichlet([1, 2], size=400)
    gate = gates.create("k_nearest", n_neighbors=1000).fit(X, responsibilities)
    assert gate.predict_proba(X[:3]) == pytest.approx(
        np.tile(responsibilities.mean(axis=0), (3, 1))
    )


def test_no_neighbour_at_all_is_refused():
    with pytest.raises(ValueError, match="n_neighbors must be at least 1, got 0"):
        gates.create("k_nearest", n_neighbors=0).fit(X, np.ones((400, 1)))


def test_a_mixture_takes_it():
    y = np.where(RING, X[:, 0], -3 * X[:, 1])
    moe = MoERegressor(["linear", "k_nearest"], gate="k_nearest", random_state=0).fit(X, y)
    assert moe.score(X, y) > 0.9
