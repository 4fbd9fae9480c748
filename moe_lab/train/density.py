"""The density head of an out-of-fold mixture: how wide the noise is, given the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import log_softmax, logsumexp

from moe_lab.likelihood.arrays import logits
from moe_lab.likelihood.mixing import fit_mixing
from moe_lab.likelihood.outcome import LEAST_SCALE, ROUNDING, gaussian_log_density
from moe_lab.table import NumericTable, learn_table, rows_of

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

MOST_ROWS = 5000  # a gate of so few parameters gains nothing from more
WIDTHS = np.array([0.25, 0.5, 1.0, 2.0, 4.0])  # of the overall residual scale


class ScaleMixture:
    """Gaussian scale mixture around the pooled mean, with weights that depend on the input.

    Five components share the mean that `predict` returns and differ in width, so the density never
    moves the mean. A softmax gate on the input and on how far the experts disagree weights them.

    Parameters
    ----------
    heard : bool ndarray of shape (n_experts,), optional
        The experts whose disagreement counts; default all.
    C : float, default=1.0
        Inverse penalty strength of that gate.
    """

    def __init__(self, heard: np.ndarray | None = None, C: float = 1.0):
        self.heard = heard
        self.C = C

    def fit(
        self,
        X: Table | Reading,
        predictions: np.ndarray,
        mean: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> Self:
        """Fit to out-of-fold predictions, of 5,000 rows spread evenly where there are more.

        Parameters
        ----------
        predictions : ndarray of shape (n_samples, n_experts, 1)
        mean : ndarray of shape (n_samples,)
            The pooled prediction.
        """
        if len(y) > MOST_ROWS:
            rows = np.linspace(0, len(y) - 1, MOST_ROWS).astype(int)
            X, predictions, mean, y = (
                rows_of(X, rows),
                predictions[rows],
                mean[rows],
                y[rows],
            )
            sample_weight = None if sample_weight is None else sample_weight[rows]
        residual = y - mean
        scale = np.sqrt(np.average(residual**2, weights=sample_weight))
        self.scales_ = WIDTHS * max(scale, ROUNDING * np.abs(y).max(), LEAST_SCALE)
        self.table_, Z = learn_table(NumericTable(scale=True), X, sample_weight)
        self._learn_disagreement(predictions, sample_weight)
        features = self._features(Z, predictions)
        self.coef_ = fit_mixing(features, self._components(residual), sample_weight, C=self.C)
        return self

    def predict_proba(self, X: Table | Reading, predictions: np.ndarray) -> np.ndarray:
        """Return the weight of each width, shape (n_samples, 5)."""
        return np.exp(self._log_gate(X, predictions))

    def components(
        self, X: Table | Reading, predictions: np.ndarray, mean: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weights, means and scales of the density, each (n_samples, 5)."""
        weights = self.predict_proba(X, predictions)
        means = np.broadcast_to(mean[:, None], weights.shape)
        return weights, means, np.broadcast_to(self.scales_, weights.shape)

    def log_prob(
        self, X: Table | Reading, predictions: np.ndarray, mean: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        """Return the log density of each y in nats, shape (n_samples,)."""
        log_gate = self._log_gate(X, predictions)
        return logsumexp(log_gate + self._components(y - mean), axis=1)

    def _components(self, residual):
        return gaussian_log_density(residual[:, None], self.scales_)

    def _log_disagreement(self, predictions):
        heard = slice(None) if self.heard is None else self.heard
        return np.log(predictions[:, heard, 0].std(axis=1) + 1e-3 * self.scales_[2])

    def _learn_disagreement(self, predictions, sample_weight):
        spread = self._log_disagreement(predictions)
        self.disagreement_mean_ = np.average(spread, weights=sample_weight)
        variance = np.average((spread - self.disagreement_mean_) ** 2, weights=sample_weight)
        self.disagreement_sd_ = np.sqrt(variance) or 1.0

    def _log_gate(self, X, predictions):
        features = self._features(self.table_.transform(X), predictions)
        return log_softmax(logits(features, self.coef_), axis=1)

    def _features(self, Z, predictions):
        spread = (
            self._log_disagreement(predictions) - self.disagreement_mean_
        ) / self.disagreement_sd_
        return np.column_stack([Z, spread])
