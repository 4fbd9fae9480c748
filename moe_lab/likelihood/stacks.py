"""Stacks: one non-negative weight for each expert, the same for every row."""

from typing import Self

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

LEAST_STACKED = 1e-4  # trees say 0 and 1; no expert alone may cost a row more than 9.2 nats


class LinearStack(RegressorMixin, BaseEstimator):
    """Non-negative least squares on the experts' means.

    Attributes
    ----------
    weights_ : ndarray of shape (n_experts,)
    intercept_ : float
    """

    parametric = True
    depends_on = "experts"

    takes_reading = True  # it reads no table at all

    def __init__(self, pull: float = 3.0):
        self.pull = pull

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        predictions: np.ndarray,
    ) -> Self:
        means, weight = predictions[:, :, 0], _mean_one(y, sample_weight)
        n_experts = means.shape[1]
        centre, self.target_mean_ = weight @ means / len(y), weight @ y / len(y)
        unit = np.sqrt(np.min(weight @ (y[:, None] - means) ** 2 / len(y))) or 1.0
        root = np.sqrt(weight)[:, None]
        prior = np.sqrt(self.pull * n_experts) * np.eye(n_experts)
        rows = np.vstack([root * (means - centre) / unit, prior])
        targets = np.append(root[:, 0] * (y - self.target_mean_) / unit, prior.sum(0) / n_experts)
        self.weights_, _ = nnls(rows, targets)
        self.intercept_ = self.target_mean_ - centre @ self.weights_
        return self

    def predict(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return predictions[:, :, 0] @ self.weights_ + self.intercept_


class LogLinearStack(ClassifierMixin, BaseEstimator):
    """Log-linear pool of the experts' class probabilities.

    Attributes
    ----------
    weights_ : ndarray of shape (n_experts,)
    bias_ : ndarray of shape (n_classes,)
    classes_ : ndarray of shape (n_classes,)
    """

    parametric = True
    depends_on = "experts"

    takes_reading = True  # it reads no table at all

    def __init__(self, pull: float = 3.0):
        self.pull = pull

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        predictions: np.ndarray,
    ) -> Self:
        logs, weight = _logs(predictions), _mean_one(y, sample_weight)
        _, n_experts, n_classes = logs.shape
        self.classes_ = np.arange(n_classes)
        columns = logs.transpose(1, 0, 2).reshape(n_experts, -1)  # (e, n c)
        weighted_truth = weight[:, None] * np.eye(n_classes)[y]
        equal = 1 / n_experts

        def loss_and_gradient(vector):
            weights, bias = vector[:n_experts], vector[n_experts:]
            log_p = log_softmax((weights @ columns).reshape(-1, n_classes) + bias, axis=1)
            slopes = weight[:, None] * np.exp(log_p) - weighted_truth
            excess = self.pull * n_experts * (weights - equal)
            loss = -np.sum(weighted_truth * log_p) + excess @ (weights - equal) / 2
            gradient = np.append(columns @ slopes.ravel() + excess, slopes.sum(axis=0) + bias)
            return loss + bias @ bias / 2, gradient

        start = np.append(np.full(n_experts, equal), np.zeros(n_classes))
        bounds = [(0, None)] * n_experts + [(None, None)] * n_classes
        found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds)
        self.weights_, self.bias_ = found.x[:n_experts], found.x[n_experts:]
        return self

    def predict_log_proba(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        logits = np.einsum("k,nkc->nc", self.weights_, _logs(predictions)) + self.bias_
        return log_softmax(logits, axis=1)

    def predict_proba(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return np.exp(self.predict_log_proba(X, predictions=predictions))

    def predict(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return self.predict_proba(X, predictions=predictions).argmax(axis=1)


def _logs(probabilities):
    return np.log(np.clip(probabilities, LEAST_STACKED, 1.0))


def _mean_one(y, sample_weight):
    """Weights of mean 1, so that a prior weighs as much as so many rows."""
    if sample_weight is None:
        return np.ones(len(y))
    return np.asarray(sample_weight, dtype=float) / np.mean(sample_weight)
