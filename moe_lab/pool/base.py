"""What a pooler is: one answer from many."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.registry import poolers

__all__ = ["Pooler", "as_pooler", "poolers"]


class Pooler(ABC, BaseEstimator):
    """Pools the predictions of the experts by the gate's weights."""

    tasks = ("regression", "classification")

    def needs(self, gate_weights):
        """Say which predictions will be read: no other expert is asked for that row.

        Parameters
        ----------
        gate_weights : ndarray of shape (n_samples, n_experts)

        Returns
        -------
        needed : bool ndarray of shape (n_samples, n_experts)
        """
        return np.ones(gate_weights.shape, dtype=bool)

    @abstractmethod
    def pool(self, predictions, gate_weights, scales=None):
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


def as_pooler(pool, task):
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
