"""What a gate is: whom to trust, said from the input alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.gate.powers import ReadsPredictions
from moe_lab.likelihood.arrays import log_softmax, logits
from moe_lab.likelihood.linear_problem import rank
from moe_lab.likelihood.mixing import fit_mixing, fit_pooled_mean
from moe_lab.likelihood.softmax import fit_softmax, softmax_gradient
from moe_lab.registry import gates
from moe_lab.registry.powers import has_power
from moe_lab.table import given_to

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

__all__ = ["FeatureGate", "Gate", "LinearGate", "as_gate", "ask_gate", "gates"]

LEAST_LIKELIHOOD = 1e-15  # of the class that came under an expert: its log is finite


class Gate(ABC, BaseEstimator):
    """Learns from responsibilities which expert to trust where.

    A gate whose class declares ``takes_reading = True`` is given the table as a `Reading`, the
    others as it came. What it may have besides, each with a correct default, is in
    `moe_lab.gate.powers`.
    """

    parametric = False
    reads_predictions = False
    anchored = False
    log_prior_ = 0.0

    @abstractmethod
    def fit(
        self, X: Table, responsibilities: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> Self:
        """Fit the gate to responsibilities (the likelihood objective).

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        responsibilities : ndarray of shape (n_samples, n_experts)
            Each row sums to 1.
        sample_weight : ndarray of shape (n_samples,), optional

        Returns
        -------
        self : Gate
        """

    @abstractmethod
    def predict_proba(self, X: Table) -> np.ndarray:
        """Return the gate weights, shape (n_samples, n_experts); each row sums to 1."""

    def log_proba(self, X: Table) -> np.ndarray:
        """Return the log gate weights, shape (n_samples, n_experts)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    # EM fits the gate in every round: what can be made of the table once is made once.

    def learn_features(self, X: Table, sample_weight: np.ndarray | None = None) -> np.ndarray:
        """Learn what the gate reads and return it for X; by default X itself."""
        return X

    def features(self, X: Table) -> np.ndarray:
        """Return what the gate reads of X; by default X itself."""
        return X

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        """Fit to features made before, from ``start``, this gate fitted in the round before."""
        return self.fit(features, responsibilities, sample_weight)

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        """Return the log gate weights from features, shape (n_samples, n_experts)."""
        return self.log_proba(features)


class FeatureGate(Gate):
    """A gate that reads features, made of the table by a step of its own.

    A subclass writes ``learn_features``, ``features``, ``fit_features`` and
    ``log_proba_features``.
    """

    def fit(
        self,
        X: Table | Reading,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> Self:
        features = self.learn_features(X, sample_weight)
        return self.fit_features(features, responsibilities, sample_weight)

    @abstractmethod
    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        """Learn what the features are and return those of X, (n_samples, n_features)."""

    @abstractmethod
    def features(self, X: Table | Reading) -> np.ndarray:
        """Return the features of X, (n_samples, n_features)."""

    @abstractmethod
    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        """Fit to features made before, from ``start``, this gate fitted in the round before."""

    @abstractmethod
    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        """Return the log gate weights from features, shape (n_samples, n_experts)."""

    def log_proba(self, X: Table | Reading) -> np.ndarray:
        return self.log_proba_features(self.features(X))

    def predict_proba(self, X: Table | Reading) -> np.ndarray:
        return np.exp(self.log_proba(X))


class LinearGate(FeatureGate):
    """A gate whose log weights are linear in features of the input.

    A subclass has a parameter ``C`` (inverse penalty strength, ``np.inf`` for none) and says what
    the features are. Fitted: ``coef_`` of shape (n_features + 1, n_experts), the last row the
    intercepts; ``rank_``, the directions in which the features differ.
    """

    parametric = True
    C: Any = np.inf

    @property
    def C_(self) -> float:
        """The ``C`` that fits use: its number where it is no word such as "auto"."""
        return self.C

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        coef = None if start is None else start.coef_
        self.rank_ = rank(features, sample_weight) if start is None else start.rank_
        self.coef_ = fit_softmax(features, responsibilities, sample_weight, C=self.C_, coef=coef)
        return self

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        return log_softmax(logits(features, self.coef_))

    @property
    def log_prior_(self) -> float:  # type: ignore[override]
        return -np.sum(self.coef_[:-1] ** 2) / (2 * self.C_)

    @property
    def n_parameters_(self) -> int:
        return (self.rank_ + 1) * (self.coef_.shape[1] - 1)

    @property
    def vector(self) -> np.ndarray:
        return self.coef_.ravel()

    @vector.setter
    def vector(self, vector: np.ndarray) -> None:
        self.coef_ = vector.reshape(self.coef_.shape)

    def gradient(
        self, features: np.ndarray, responsibilities: np.ndarray, sample_weight: np.ndarray
    ) -> np.ndarray:
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        return softmax_gradient(
            features, self.coef_, responsibilities, sample_weight, C=self.C_
        ).ravel()

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
            Out-of-fold predictions: means, or class probabilities.
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        loss : {"log_loss", "squared_error"}
        sample_weight : ndarray of shape (n_samples,), optional

        Returns
        -------
        self : Gate
        """
        check_loss(loss)
        features = self.learn_features(X, sample_weight)
        self.rank_ = rank(features, sample_weight)
        if loss == "squared_error":
            self.coef_ = fit_pooled_mean(
                features, predictions[:, :, 0], y, sample_weight, C=self.C_
            )
        else:
            log_lik = np.log(likelihoods(predictions, y))
            self.coef_ = fit_mixing(features, log_lik, sample_weight, C=self.C_)
        return self


def check_loss(loss: str) -> None:
    """Refuse what ``fit_pooled`` cannot be fitted to."""
    if loss not in ("log_loss", "squared_error"):
        raise ValueError(f"loss must be 'log_loss' or 'squared_error', got {loss!r}.")


def likelihoods(predictions: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what each expert gives to the class that came, (n_samples, n_experts); never 0."""
    return np.maximum(predictions[np.arange(len(y)), :, y], LEAST_LIKELIHOOD)


def ask_gate(gate: Gate, X: Table | Reading, predictions: np.ndarray | None = None) -> np.ndarray:
    """Return the weights of a fitted gate that may read what the experts say.

    Parameters
    ----------
    gate : Gate
    X : Reading, DataFrame or ndarray of shape (n_samples, n_features)
    predictions : ndarray of shape (n_samples, n_experts, n_outputs), optional
        For a gate that reads them.

    Returns
    -------
    gate_weights : ndarray of shape (n_samples, n_experts)
        Each row sums to 1.
    """
    X = given_to(gate, X)
    if has_power(gate, ReadsPredictions):
        return gate.predict_proba(X, predictions)  # type: ignore[call-arg]
    return gate.predict_proba(X)


def as_gate(gate: str | tuple[str, dict] | Gate) -> Gate:
    """Return a Gate from a registered name, a (name, params) pair or an instance."""
    return gates.resolve(gate, Gate)
