"""Near gate: each expert is trusted near the rows that it had."""

import numpy as np

from moe_lab.gate.base import Gate
from moe_lab.registry import gates
from moe_lab.table import NumericTable


@gates.register("near")
class NearGate(Gate):
    """Trusts an expert the more, the nearer a row is to the mean of its rows.

    Parameters
    ----------
    width : float, default=2.0
        How far trust reaches, in standard deviations of a column.
    """

    def __init__(self, width=2.0):
        self.width = width

    def fit(self, X, responsibilities, sample_weight=None):
        """Learn from responsibilities, (n_samples, n_experts); each row sums to 1."""
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        self.table_ = NumericTable()
        Z = self.table_.fit_transform(X)
        mass = weight @ responsibilities  # (n_experts,)
        self.shares_ = mass / mass.sum()
        sums = (responsibilities * weight[:, None]).T @ Z
        self.centres_ = sums / np.maximum(mass, 1e-12)[:, None]
        return self

    def predict_proba(self, X):
        """Return the gate weights, (n_samples, n_experts); each row sums to 1."""
        Z = self.table_.transform(X)
        far = np.square(Z[:, None] - self.centres_).mean(axis=2) / self.width**2
        near = self.shares_ * np.exp(far.min(axis=1, keepdims=True) - far)
        return near / near.sum(axis=1, keepdims=True)
