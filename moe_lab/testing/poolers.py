"""The laws of poolers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab.pool.powers import CountsVotes
from moe_lab.registry.powers import has_power
from moe_lab.testing.examples import N_CLASSES
from moe_lab.testing.simplifying import simplified

if TYPE_CHECKING:
    from moe_lab.pool.base import Pooler


def _for_each_pooling(check):
    def run(pooler):
        simple = simplified()
        n_samples = simple.rows or 40
        for task in [simple.task] if simple.task else pooler.tasks:
            rng = np.random.default_rng(0)
            predictions = rng.normal(size=(n_samples, 4, 1))
            if task == "classification":
                predictions = rng.dirichlet(np.ones(N_CLASSES), size=(n_samples, 4))
            scales = rng.uniform(1, 2, size=4) if task == "regression" else None
            check(pooler, predictions, rng.dirichlet(np.ones(4), size=n_samples), scales)

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    return run


@_for_each_pooling
def check_pooler_keeps_unanimity(
    pooler: Pooler, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None
) -> None:
    """Where all experts agree, so does the pool."""
    same = np.repeat(predictions[:, :1], 4, axis=1)
    pooled = pooler.pool(same, gate_weights, scales)
    if not has_power(pooler, CountsVotes):
        assert_allclose(pooled, same[:, 0], atol=1e-9)
    assert_array_equal(pooled.argmax(axis=1), same[:, 0].argmax(axis=1))


@_for_each_pooling
def check_pooler_keeps_probabilities(
    pooler: Pooler, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None
) -> None:
    """Pooled probabilities are non-negative and sum to 1; a pooled mean lies among the experts'
    means."""
    pooled = pooler.pool(predictions, gate_weights, scales)
    assert pooled.shape == (len(predictions), predictions.shape[2])
    if predictions.shape[2] > 1:
        assert (pooled >= 0).all()
        assert_allclose(pooled.sum(axis=1), 1)
    else:
        assert (pooled <= predictions.max(axis=1) + 1e-12).all()
        assert (pooled >= predictions.min(axis=1) - 1e-12).all()


@_for_each_pooling
def check_pooler_reads_only_what_it_needs(
    pooler: Pooler, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None
) -> None:
    """Predictions that it did not ask for are never read."""
    needed = pooler.needs(gate_weights)
    assert needed.shape == gate_weights.shape
    assert needed.any(axis=1).all()
    sparse = np.where(needed[:, :, None], predictions, np.nan)
    pooled = pooler.pool(predictions, gate_weights, scales)
    assert_allclose(pooler.pool(sparse, gate_weights, scales), pooled, atol=1e-12)


@_for_each_pooling
def check_pooler_ignores_the_order_of_experts(
    pooler: Pooler, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None
) -> None:
    """Experts in another order pool alike."""
    order = [2, 0, 3, 1]
    permuted = pooler.pool(
        predictions[:, order], gate_weights[:, order], None if scales is None else scales[order]
    )
    assert_allclose(permuted, pooler.pool(predictions, gate_weights, scales), atol=1e-12)


POOLER_CHECKS = [
    check_pooler_keeps_unanimity,
    check_pooler_keeps_probabilities,
    check_pooler_reads_only_what_it_needs,
    check_pooler_ignores_the_order_of_experts,
]
