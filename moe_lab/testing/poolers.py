"""The laws of poolers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from moe_lab.pool.powers import CountsVotes, Learns
from moe_lab.registry.powers import has_power
from moe_lab.testing.examples import N_CLASSES
from moe_lab.testing.saving import assert_same, loaded_again
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


def _learnt_tasks(pooler):
    return pooler.tasks if has_power(pooler, Learns) else ()


def _learnt(pooler, task, weight=None):
    """Return the pooler fitted to 200 rows, and what it was fitted to."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.integers(N_CLASSES, size=200)
    predictions = rng.dirichlet(np.ones(N_CLASSES), size=(200, 3))
    if task == "regression":
        y = X[:, 0]
        predictions = y[:, None, None] + rng.normal(size=(200, 3, 1))
    rows = predictions, rng.dirichlet(np.ones(3), size=200)
    if weight is not None:  # all experts say 1, which only the second half of the rows is
        y = (np.arange(200) >= 100).astype(y.dtype)
        predictions[:] = (
            1.0 if task == "regression" else np.where(np.arange(N_CLASSES) == 1, 0.9, 0.05)
        )
    return clone(pooler).fit(*rows, y, X=X, sample_weight=weight, random_state=0), *rows, X


def check_fitted_pooler_keeps_its_word(pooler: Pooler) -> None:
    """Fitted, a pooler that learns returns finite means or probabilities, reads only what it needs,
    answers a row alone as among others, learns the same twice, and is the same once saved."""
    for task in _learnt_tasks(pooler):
        fitted, predictions, gate_weights, X = _learnt(pooler, task)
        pooled = fitted.pool(predictions, gate_weights, X=X)
        assert pooled.shape == (200, predictions.shape[2])
        assert np.isfinite(pooled).all()
        if task == "classification":
            assert (pooled >= 0).all()
            assert_allclose(pooled.sum(axis=1), 1)
        needed = fitted.needs(gate_weights)
        sparse = np.where(needed[:, :, None], predictions, np.nan)
        assert_allclose(fitted.pool(sparse, gate_weights, X=X), pooled, atol=1e-12)
        alone = fitted.pool(predictions[:1], gate_weights[:1], X=X[:1])
        assert_allclose(alone, pooled[:1], atol=1e-9)
        again = _learnt(pooler, task)[0].pool(predictions, gate_weights, X=X)
        assert_allclose(again, pooled, atol=1e-9)
        assert_same(loaded_again(fitted).pool(predictions, gate_weights, X=X), pooled)


def check_pooler_heeds_sample_weight(pooler: Pooler) -> None:
    """Of two contradictory halves of the rows, a pooler that learns learns the heavier one."""
    for task in _learnt_tasks(pooler):
        answers = []
        for heavy in (slice(0, 100), slice(100, 200)):
            weight = np.full(200, 0.1)
            weight[heavy] = 1.9
            fitted, predictions, gate_weights, X = _learnt(pooler, task, weight)
            pooled = fitted.pool(predictions, gate_weights, X=X)
            answers.append(pooled[:, min(1, pooled.shape[1] - 1)].mean())  # the mean, or class 1
        assert answers[1] > answers[0] + 0.5


@_for_each_pooling
def check_pooler_saves(
    pooler: Pooler, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None
) -> None:
    """It pools alike after it was saved and loaded, to 1e-12."""
    both: tuple = (pooler, loaded_again(pooler))
    assert_same(*(one.pool(predictions, gate_weights, scales) for one in both))


POOLER_CHECKS = [
    check_fitted_pooler_keeps_its_word,
    check_pooler_heeds_sample_weight,
    check_pooler_keeps_unanimity,
    check_pooler_keeps_probabilities,
    check_pooler_reads_only_what_it_needs,
    check_pooler_ignores_the_order_of_experts,
    check_pooler_saves,
]
