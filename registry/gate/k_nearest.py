"""Nearest-neighbours gate: who explained rows like this one is trusted here."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from moe_lab.gate.base import Gate, check_loss, likelihoods
from moe_lab.registry import gates
from moe_lab.table import NumericTable, share_table

# shapes: (n)samples, (k)neighbours, (e)xperts


@gates.register("k_nearest")
class KNearestGate(Gate):
    """Trusts whoever explained the nearest rows best: dynamic selection by neighbours.

    Parameters
    ----------
    n_neighbors : int, default=30
        How many rows of the training table vote, each by its weight.
    prior_rows : float, default=1.0
        Rows' worth of the overall trust that vote, too, so that no weight is 0.

    References
    ----------
    Ko, Sabourin & Britto (2008), KNORA-UNION, with responsibilities in place of right and wrong.
    """

    takes_reading = True  # the table is read once for all that ask for it

    def __init__(self, n_neighbors=30, prior_rows=1.0):
        self.n_neighbors = n_neighbors
        self.prior_rows = prior_rows

    def fit(self, X, responsibilities, sample_weight=None):
        if self.n_neighbors < 1:
            raise ValueError(f"n_neighbors must be at least 1, got {self.n_neighbors!r}.")
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
        self.table_, Z = share_table(NumericTable(scale=True), X, sample_weight)
        # A search takes ties in the order of the rows, which may be that of the target.
        there = np.random.default_rng(0).permutation(np.flatnonzero(weight > 0))
        self.index_ = NearestNeighbors().fit(Z[there])
        self.votes_ = responsibilities[there] * weight[there, None] / weight[there].mean()  # (n, e)
        self.prior_ = self.votes_.mean(axis=0)
        return self

    def predict_proba(self, X):
        n_neighbors = min(self.n_neighbors, len(self.votes_))
        rows = self.index_.kneighbors(
            self.table_.transform(X), n_neighbors, return_distance=False
        )  # (n, k)
        votes = self.votes_[rows].sum(axis=1) + self.prior_rows * self.prior_
        return votes / votes.sum(axis=1, keepdims=True)

    def fit_pooled(self, X, predictions, y, loss, sample_weight=None):
        """Fit to how likely each expert makes the targets; noise is that of the best expert."""
        check_loss(loss)
        if loss == "log_loss":
            likelihood = likelihoods(predictions, y)
        else:
            error = np.square(predictions[:, :, 0] - y[:, None])  # (n, e)
            scale = np.average(error, axis=0, weights=sample_weight).min()
            least = error.min(axis=1, keepdims=True)
            likelihood = np.exp((least - error) / (2 * scale or 1.0))
        return self.fit(X, likelihood / likelihood.sum(axis=1, keepdims=True), sample_weight)
