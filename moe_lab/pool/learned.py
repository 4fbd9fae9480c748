"""Learned pool: the gate's weights, calibrated, and small trees that correct the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from moe_lab.likelihood.arrays import vary
from moe_lab.likelihood.correction import Correction
from moe_lab.likelihood.stacks import (
    clipped_logs,
    linear_weights,
    log_linear_weights,
    unit_of,
)
from moe_lab.pool.base import Pooler, poolers
from moe_lab.pool.terms import Terms
from moe_lab.table import Reading, StackedTable

if TYPE_CHECKING:
    from moe_lab.table.forms import Table

SHARE = {"regression": 0.5, "classification": 1.0}  # of what the trees find


@poolers.register("learned")
class LearnedPooler(Pooler):
    """The pool of the default mixture: two steps that are learnt out of fold after the gate.

    Regression: ``m(x) = a + beta sum_k g_k(x) m_k(x) + r(x)``. Classification, up to a constant:
    ``log p(c | x) = beta sum_k g_k(x) log p_k(c | x) + b_c + r_c(x)``, probabilities clipped at
    1e-4. beta and the biases calibrate what the gate's weights make of the experts, pulled as a
    stack's weights are; r, the correction, is a fixed number of small boosted trees that read the
    table, each expert's word and how far they disagree. Unfitted, it is the plain pool: beta 1, no
    bias, no trees.

    Parameters
    ----------
    n_estimators : int, optional
        Rounds of the correction; default 100 in regression, of which half is added, 50 in
        classification, none for more than 30 classes. 0: none.
    learning_rate : float, default=0.05
    num_leaves : int, default=4
    pull : float, default=3.0
        Strength of the pull, as of a stack of the same experts with weights ``beta g_k``: precision
        of a Gaussian prior on each weight, times the number of experts.
    anchor : (float, array-like of shape (n_outputs,)), optional
        beta and biases to keep where the gate's weights do not vary: a trainer's, which has fitted
        them already.

    Attributes
    ----------
    beta_ : float
    bias_ : ndarray of shape (n_outputs,)
        In the unit of y, or in nats for each class.
    correction_ : fitted Correction

    References
    ----------
    Genest & Zidek (1986) for the log-linear pool; Breiman (1996) for stacked regressions.
    """

    learns = True
    anchored = True
    takes_reading = True

    def __init__(
        self,
        n_estimators: int | None = None,
        learning_rate: float = 0.05,
        num_leaves: int = 4,
        pull: float = 3.0,
        anchor: tuple[float, Any] | None = None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.pull = pull
        self.anchor = anchor

    def fit(
        self,
        predictions: np.ndarray,
        gate_weights: np.ndarray,
        y: np.ndarray,
        *,
        X: Table | Reading,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> Self:
        """Learn beta and biases, then the correction of what they leave.

        Parameters
        ----------
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Out of fold.
        gate_weights : ndarray of shape (n_samples, n_experts)
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        X : DataFrame, ndarray or Reading of n_samples rows
        sample_weight : ndarray of shape (n_samples,), optional
        random_state : int, optional
            Of the rows and columns that each tree reads.

        Returns
        -------
        self : LearnedPooler
        """
        self._check()
        self.correction_ = None
        self.beta_, self.bias_ = self._calibrated(predictions, gate_weights, y, sample_weight)
        task = "regression" if predictions.shape[2] == 1 else "classification"
        settings = self.n_estimators, self.learning_rate, self.num_leaves
        correction = Correction(task, *settings, random_state=random_state)
        score = self.terms(predictions, gate_weights).score()
        score = score[:, 0] if task == "regression" else score
        features, categories = None, []
        if correction.grows(score):
            X = Reading.of(X)
            self.table_ = StackedTable().fit(X)
            features = self.table_.transform(X, predictions)
            categories = self.table_.categories_
        self.correction_ = correction.fit(features, y, score, sample_weight, categories)
        return self

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        return np.ones(gate_weights.shape, dtype=bool) if self._corrects() else gate_weights > 0

    def pool(
        self,
        predictions: np.ndarray,
        gate_weights: np.ndarray,
        scales: np.ndarray | None = None,
        X: Table | Reading | None = None,
    ) -> np.ndarray:
        """Pool the predictions.

        Parameters
        ----------
        predictions, gate_weights, scales
            As for every pooler.
        X : DataFrame, ndarray or Reading of n_samples rows
            What the correction reads; may be left out where it has no trees.

        Returns
        -------
        pooled : ndarray of shape (n_samples, n_outputs)
        """
        return self.terms(predictions, gate_weights, scales, X).answer()

    def terms(
        self,
        predictions: np.ndarray,
        gate_weights: np.ndarray,
        scales: np.ndarray | None = None,
        X: Table | Reading | None = None,
    ) -> Terms:
        """Return the parts whose sum is the answer: a mean, or log-probabilities up to a
        constant."""
        beta, bias = self._calibration(predictions.shape[2])
        correction = np.zeros((len(predictions), predictions.shape[2]))
        if self._corrects():
            correction = self._correction(predictions, X)
        logs = predictions.shape[2] > 1
        said = clipped_logs(predictions) if logs else predictions
        return Terms(beta * gate_weights, said, bias, correction, logs=logs)

    def _calibrated(self, predictions, gate_weights, y, sample_weight):
        """Return beta and biases: the anchor's where nothing varies, else those of least loss."""
        if self.anchor is not None and not (vary(gate_weights) and self.anchor[0] > 0):
            beta, bias = self.anchor
            return float(beta), np.array(bias, dtype=float)
        n_experts = predictions.shape[1]
        squares = np.sum(np.average(gate_weights, axis=0, weights=sample_weight) ** 2)
        prior = {"precision": self.pull * n_experts * squares, "centre": 1 / (n_experts * squares)}
        pooled = LearnedPooler().terms(predictions, gate_weights).score()
        if predictions.shape[2] > 1:
            beta, bias = log_linear_weights(pooled[:, None], y, sample_weight, **prior)
            return float(beta[0]), bias
        unit = unit_of(predictions[:, (gate_weights > 0).any(axis=0), 0], y, sample_weight)
        beta, intercept = linear_weights(pooled, y, sample_weight, unit=unit, **prior)
        return float(beta[0]), np.array([intercept])

    def _calibration(self, n_outputs):
        return (self.beta_, self.bias_) if self._fitted() else (1.0, np.zeros(n_outputs))

    def _correction(self, predictions, X):
        if X is None:
            raise ValueError(
                "X must be given to a pool with a correction, got X=None. Hand over the rows of "
                "the predictions, or fit ('learned', {'n_estimators': 0})."
            )
        share = SHARE[self.correction_.task]
        added = self.correction_.predict(self.table_.transform(X, predictions))
        return share * added.reshape(len(predictions), -1)

    def _fitted(self):
        return hasattr(self, "correction_")

    def _corrects(self):
        correction = self.correction_ if self._fitted() else None
        return correction is not None and correction.booster_ is not None

    def _check(self):
        if not self.pull >= 0:
            raise ValueError(f"pull must be at least 0, got pull={self.pull!r}.")
        if self.n_estimators is not None and not self.n_estimators >= 0:
            raise ValueError(f"n_estimators must be at least 0 or None, got {self.n_estimators!r}.")
