"""What a pooler is: one answer from many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.pool.powers import Learns
from moe_lab.pool.terms import Terms
from moe_lab.registry import poolers
from moe_lab.registry.powers import has_power

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

__all__ = ["Pooler", "WeightedPooler", "as_pooler", "pooled", "poolers"]


class Pooler(ABC, BaseEstimator):
    """Pools the predictions of the experts by the gate's weights."""

    tasks: tuple[str, ...] = ("regression", "classification")
    sparse = False  # whether it asks few experts, so that none may depend on all the others

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        """Say which predictions will be read: no other expert is asked for that row.

        Parameters
        ----------
        gate_weights : ndarray of shape (n_samples, n_experts)

        Returns
        -------
        needed : bool ndarray of shape (n_samples, n_experts)
        """
        return np.ones(gate_weights.shape, dtype=bool)

    def left(self, n_experts: int) -> Pooler:
        """Return the pooler for a mixture of which training left only so many experts."""
        return self

    @abstractmethod
    def pool(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None = None
    ) -> np.ndarray:
        """Pool the predictions.

        Parameters
        ----------
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Means (n_outputs = 1) or class probabilities; entries not needed are NaN, never read.
        gate_weights : ndarray of shape (n_samples, n_experts)
            Each row sums to 1.
        scales : ndarray of shape (n_experts,), optional
            Noise standard deviation of each expert, in the unit of y (regression).

        Returns
        -------
        pooled : ndarray of shape (n_samples, n_outputs)
        """

    def weights(self, gate_weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        """Return the weights whose sum of the experts' means is the pooled mean (regression).

        An optional power, for the predictive distribution: the experts' densities, weighted by
        them, are the pool's.

        Parameters
        ----------
        gate_weights : ndarray of shape (n_samples, n_experts)
        scales : ndarray of shape (n_experts,), optional

        Returns
        -------
        weights : ndarray of shape (n_samples, n_experts)
            Each row sums to 1.

        Raises
        ------
        ValueError
            If the pool is no weighted sum of the experts.
        """
        able = [name for name in poolers.names() if _is_weighted(poolers.get(name))]
        raise ValueError(
            f"pool must be a weighted sum of the experts, got {self!r}. Those that are: "
            f"{', '.join(able)}."
        )


class WeightedPooler(Pooler):
    """A pooler whose answer is a weighted sum of the predictions; it writes ``weights``."""

    @abstractmethod
    def weights(self, gate_weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        """Return the weights of that sum, (n_samples, n_experts); each row sums to 1."""

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        return self.weights(gate_weights) > 0

    def pool(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None = None
    ) -> np.ndarray:
        return self.terms(predictions, gate_weights, scales).answer()

    def terms(
        self,
        predictions: np.ndarray,
        gate_weights: np.ndarray,
        scales: np.ndarray | None = None,
        X: Table | Reading | None = None,
    ) -> Terms:
        """Return the parts whose sum is the answer: no bias and no correction."""
        weights, (n_samples, _, n_outputs) = self.weights(gate_weights, scales), predictions.shape
        nothing = np.zeros(n_outputs), np.zeros((n_samples, n_outputs))
        return Terms(weights, predictions, *nothing, logs=False)


def pooled(
    pooler: Pooler,
    predictions: np.ndarray,
    gate_weights: np.ndarray,
    scales: np.ndarray | None,
    X: Table | Reading,
) -> np.ndarray:
    """Pool; one that learns is handed the table, too. Shapes as in ``Pooler.pool``."""
    if has_power(pooler, Learns):
        return pooler.pool(predictions, gate_weights, scales, X=X)  # type: ignore[attr-defined]
    return pooler.pool(predictions, gate_weights, scales)


def weighted_sum(weights: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Sum the predictions by their weights, (n_samples, n_outputs); weight 0 is not read."""
    read = np.where(weights[:, :, None] > 0, predictions, 0.0)
    return np.einsum("ne,neo->no", weights, read)


def _is_weighted(pooler):
    return "regression" in pooler.tasks and pooler.weights is not Pooler.weights


def as_pooler(pool: str | tuple[str, dict] | Pooler, task: str) -> Pooler:
    """Return a Pooler from a registered name, a (name, params) pair or an instance.

    Raises
    ------
    ValueError
        If it does not serve the task.
    """
    pooler = poolers.resolve(pool, Pooler)
    if task not in pooler.tasks:
        serving = [name for name in poolers.names() if task in poolers.get(name).tasks]
        raise ValueError(f"pool must serve {task}, got {pool!r}. For {task}: {', '.join(serving)}.")
    return pooler
