"""What the column gate and the rules gate share: static weights within each region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import logsumexp

from moe_lab.gate.base import Gate, LinearGate
from moe_lab.likelihood.arrays import log_softmax
from moe_lab.likelihood.numbers import check_number

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


class RegionGate(LinearGate):
    """Static gate weights within each region of the input; a row of no region gets the overall
    ones.

    A subclass has a parameter ``pseudo_count`` and says by ``features`` to which region a row
    belongs: (n_samples, n_regions), one-hot, all zeros where it belongs to none.

    The objective is ``sum_i w_i sum_k h_ik log g_k(region of i) + log_prior_``: a Dirichlet prior
    of ``pseudo_count`` rows in each region. They are shared out equally. Shared out like the
    overall weights they would move with every M-step, no M-step would maximise one and the same
    objective, and EM could drop; equal ones leave a closed form that is its exact maximum.

    Fitted: ``coef_`` of shape (n_regions + 1, n_experts): the overall log weights in the last row,
    each region's difference from them in the others.
    """

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        check_number("pseudo_count", self.pseudo_count)
        return self.features(X)

    @property
    def C(self) -> float:  # type: ignore[override]
        """Inverse penalty strength of the fit to the pooled loss, which has no pseudo-rows."""
        return 1 / self.pseudo_count if self.pseudo_count else np.inf

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        weight = np.ones(len(features)) if sample_weight is None else sample_weight
        self.mass_ = weight @ features  # (n_regions,)
        self.rank_ = int(np.count_nonzero(self.mass_)) - 1
        counts = features.T @ (weight[:, None] * responsibilities)
        counts += self._pseudo_rows(counts.shape[1])
        self._set(np.log(np.maximum(counts, np.finfo(float).tiny)))
        return self

    def _pseudo_rows(self, n_experts):
        """Return the pseudo-rows of each region and expert; an empty region has none."""
        rows = np.full((len(self.mass_), n_experts), self.pseudo_count / n_experts)
        return rows * (self.mass_ > 0)[:, None]

    def _set(self, logits):
        """Set the weights of the regions from logits, (n_regions, n_experts)."""
        log_weights = log_softmax(logits)
        overall = logsumexp(log_weights, b=self.mass_[:, None] / self.mass_.sum(), axis=0)
        differences = np.where(self.mass_[:, None] > 0, log_weights - overall, 0.0)
        self.coef_ = np.vstack([differences, overall])

    @property
    def log_prior_(self) -> float:  # type: ignore[override]
        log_weights = self.coef_[:-1] + self.coef_[-1]
        return np.sum(self._pseudo_rows(log_weights.shape[1]) * log_weights)

    @property
    def vector(self) -> np.ndarray:
        return (self.coef_[:-1] + self.coef_[-1]).ravel()

    @vector.setter
    def vector(self, vector: np.ndarray) -> None:
        self._set(vector.reshape(len(self.mass_), -1))

    def gradient(
        self, features: np.ndarray, responsibilities: np.ndarray, sample_weight: np.ndarray
    ) -> np.ndarray:
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        pseudo_rows = self._pseudo_rows(responsibilities.shape[1])
        counts = features.T @ (sample_weight[:, None] * responsibilities) + pseudo_rows
        weights = np.exp(log_softmax(self.coef_[:-1] + self.coef_[-1]))
        total = features.T @ sample_weight + pseudo_rows.sum(axis=1)
        return (counts - total[:, None] * weights).ravel()
