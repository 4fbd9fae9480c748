"""What a gate is: whom to trust, said from the input alone."""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import log_softmax
from sklearn.base import BaseEstimator

from moe_lab.registry import gates
from moe_lab.softmax import fit_mixing, fit_pooled_mean, fit_softmax, logits

__all__ = ["Gate", "LinearGate", "as_gate", "gates"]


class Gate(ABC, BaseEstimator):
    """Learns from responsibilities which expert to trust where.

    A gate that can also be fitted to the loss of the pooled prediction has a method
    ``fit_pooled(X, predictions, y, loss, sample_weight=None)``.
    """

    @abstractmethod
    def fit(self, X, responsibilities, sample_weight=None):
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
    def predict_proba(self, X):
        """Return the gate weights, shape (n_samples, n_experts); each row sums to 1."""

    def log_proba(self, X):
        """Return the log gate weights, shape (n_samples, n_experts)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


class LinearGate(Gate):
    """A gate whose log weights are linear in features of the input.

    A subclass has a parameter ``C`` (inverse penalty strength, ``np.inf`` for none) and says what
    the features are. Fitted: ``coef_`` of shape (n_features + 1, n_experts), the last row the
    intercepts.
    """

    @abstractmethod
    def learn_features(self, X, sample_weight=None):
        """Learn what the features are and return those of X, (n_samples, n_features)."""

    @abstractmethod
    def features(self, X):
        """Return the features of X, (n_samples, n_features)."""

    def fit(self, X, responsibilities, sample_weight=None):
        return self.fit_features(
            self.learn_features(X, sample_weight), responsibilities, sample_weight
        )

    def fit_features(self, features, responsibilities, sample_weight=None, coef=None):
        """Fit to features made before, from ``coef``: EM does so in every round."""
        self.coef_ = fit_softmax(features, responsibilities, sample_weight, C=self.C, coef=coef)
        return self

    def fit_pooled(self, X, predictions, y, loss, sample_weight=None):
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
        features = self.learn_features(X, sample_weight)
        if loss == "squared_error":
            self.coef_ = fit_pooled_mean(features, predictions[:, :, 0], y, sample_weight, C=self.C)
        elif loss == "log_loss":
            log_lik = np.log(np.maximum(predictions[np.arange(len(y)), :, y], 1e-15))
            self.coef_ = fit_mixing(features, log_lik, sample_weight, C=self.C)
        else:
            raise ValueError(f"loss must be 'log_loss' or 'squared_error', got {loss!r}.")
        return self

    def log_proba(self, X):
        return self.log_proba_features(self.features(X))

    def log_proba_features(self, features):
        """Return the log gate weights from features, shape (n_samples, n_experts)."""
        return log_softmax(logits(features, self.coef_), axis=1)

    def predict_proba(self, X):
        return np.exp(self.log_proba(X))


def as_gate(gate):
    """Return a Gate from a registered name, a (name, params) pair or an instance."""
    return gates.resolve(gate, Gate)
