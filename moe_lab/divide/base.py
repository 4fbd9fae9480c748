"""What a divider is: who starts with which rows."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.registry import dividers
from moe_lab.table.forms import Table

__all__ = ["Divider", "as_divider", "dividers"]


class Divider(ABC, BaseEstimator):
    """Divides a task into subtasks: the first responsibilities, before any expert is trained."""

    @abstractmethod
    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        """Give every expert its first part of the rows.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        n_experts : int or None
            None lets the divider decide, where it can (a column, rules).
        sample_weight : ndarray of shape (n_samples,), optional
        random_state : int or None

        Returns
        -------
        responsibilities : ndarray of shape (n_samples, n_experts)
            Each row sums to 1.
        """


def as_divider(divide: str | tuple[str, dict] | Divider) -> Divider:
    """Return a Divider from a registered name, a (name, params) pair or an instance."""
    return dividers.resolve(divide, Divider)
