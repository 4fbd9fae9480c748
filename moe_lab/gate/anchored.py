"""Anchored gate: starts at given weights, and departs where input and experts say so."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from moe_lab.gate.base import check_loss, gates
from moe_lab.gate.boosted import BoostedGate
from moe_lab.gate.constant import ConstantGate
from moe_lab.likelihood.arrays import softmax
from moe_lab.table import Reading, StackedTable, rows_of
from moe_lab.table.forms import Table

LEAST_CURVATURE = 1e-3  # of a row
LEAST_UNIT = 1e-2  # of how far apart the experts are: near-perfect anchors need no finer steps
SHRINKAGE = {
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    # LightGBM estimates the rows of a leaf from its curvature, and may take one for full that has
    # none: where curvatures differ much, that guess is off, and splitting off no row is an error.
    "min_sum_hessian_in_leaf": LEAST_CURVATURE,
}


@gates.register("anchored")
class AnchoredGate(BoostedGate):
    """Small boosted trees on the pooled loss that start at given weights: the default gate.

    It reads the table and what the experts say. Their number is fixed: chosen on out-of-fold
    predictions it would be biased towards none, since the experts that predicted a row have seen
    the labels of its neighbours. Fitted to the squared error, the weights vary; fitted to the
    log-loss they stay at the anchor, since trees made more tables worse than better there.

    Parameters
    ----------
    anchor : array-like of shape (n_experts,), optional
        Weights to start at, non-negative; default: the constant ones of least loss. An expert
        without out-of-fold predictions (NaN in ``fit_pooled``) keeps its own.
    n_estimators : int, default=40
        Trees for each expert; 0 leaves the weights at the anchor.
    learning_rate : float, default=0.05
    num_leaves : int, default=4
    min_child_samples, columns, random_state
        As for the boosted gate.

    Attributes
    ----------
    anchor_ : ndarray of shape (n_experts,)
        Sums to 1.
    varied_ : bool ndarray of shape (n_experts,)
        Whose weights the trees move; together these keep their share of the anchor.
    """

    takes_reading = True
    reads_predictions = True
    anchored = True  # a trainer sets the anchor, and may leave predictions out

    def __init__(
        self,
        anchor: ArrayLike | None = None,
        n_estimators: int = 40,
        learning_rate: float = 0.05,
        num_leaves: int = 4,
        min_child_samples: Any = None,
        columns: list[str | int] | None = None,
        random_state: int = 0,
    ):
        super().__init__(
            n_estimators, learning_rate, num_leaves, min_child_samples, columns, random_state
        )
        self.anchor = anchor

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        # fitted to responsibilities, it is a boosted gate that reads X alone
        self.varied_: Any = None
        return super().learn_features(X, sample_weight)

    def fit_pooled(
        self,
        X: Table | Reading,
        predictions: np.ndarray,
        y: np.ndarray,
        loss: str,
        sample_weight: np.ndarray | None = None,
    ) -> Self:
        """Fit the gate to the loss of the pooled prediction of fixed experts.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Out of fold; NaN for an expert whose weight is to stay at the anchor.
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        loss : {"log_loss", "squared_error"}
        sample_weight : ndarray of shape (n_samples,), optional

        Returns
        -------
        self : AnchoredGate
        """
        check_loss(loss)
        known = ~np.isnan(predictions).any(axis=(0, 2))
        if self.anchor is None:
            constant = ConstantGate().fit_pooled(X, predictions[:, known], y, loss, sample_weight)
            self.anchor_ = np.zeros(len(known))
            self.anchor_[known] = constant.predict_proba(rows_of(X, [0]))[0]
        else:
            self.anchor_ = self._checked_anchor(predictions.shape[1])
        self.varied_ = known & (self.anchor_ > 0)
        if loss == "log_loss":
            self.varied_[:] = False
        self.booster_ = None
        if self.varied_.any():
            varied = predictions[:, self.varied_]
            self.base_ = np.log(self.anchor_[self.varied_])
            X = Reading.of(X)
            self.table_ = StackedTable(self.columns).fit(X)
            objective = _squared_error(varied[:, :, 0], y, np.exp(self.base_), sample_weight)
            self.booster_ = self._boost(
                self.table_.transform(X, varied),
                objective,
                categories=self.table_.categories_,
                **SHRINKAGE,
            )
        return self

    def predict_proba(self, X: Table | Reading, predictions: Any = None) -> np.ndarray:
        """Return the gate weights.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            What the experts say; not read where the gate was fitted to responsibilities.

        Returns
        -------
        gate_weights : ndarray of shape (n_samples, n_experts)
            Each row sums to 1.
        """
        if self.varied_ is None:
            return np.exp(super().log_proba(X))
        weights = np.tile(self.anchor_, (len(X), 1))
        if self.booster_ is not None:
            features = self.table_.transform(X, predictions[:, self.varied_])
            share = self.anchor_[self.varied_].sum()
            weights[:, self.varied_] = share * np.exp(self.log_proba_features(features))
        return weights

    def log_proba(self, X: Table | Reading, predictions: Any = None) -> np.ndarray:
        if self.varied_ is None:
            return super().log_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, predictions))

    def _checked_anchor(self, n_experts):
        anchor = np.asarray(self.anchor, dtype=float)
        if anchor.shape != (n_experts,) or (anchor < 0).any() or not anchor.any():
            raise ValueError(
                f"anchor must hold a non-negative weight for each of {n_experts} experts, not all "
                f"0, got anchor={self.anchor!r}."
            )
        return anchor / anchor.sum()


def _squared_error(means, y, anchor, sample_weight):
    """Return the objective of the pooled mean, per unit of its error at the anchor."""
    weight = np.ones(len(y)) if sample_weight is None else sample_weight / np.mean(sample_weight)
    share = anchor / anchor.sum()
    pooled = means @ share
    error = np.sqrt(weight @ (y - pooled) ** 2 / len(y))
    apart = np.sqrt(weight @ (means - pooled[:, None]) ** 2 @ share / len(y))
    unit = max(error, LEAST_UNIT * apart) or 1.0

    def gradient_and_hessian(scores, rows):
        gate = softmax(scores)  # (n, k)
        pooled = np.einsum("nk,nk->n", gate, means)
        slopes = gate * (means - pooled[:, None]) / unit
        error = weight * (pooled - y) / unit
        curvature = means.shape[1] / 2 * slopes**2 + LEAST_CURVATURE
        return error[:, None] * slopes, weight[:, None] * curvature

    return gradient_and_hessian
