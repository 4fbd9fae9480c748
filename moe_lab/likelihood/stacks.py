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
    bias_ : ndarray of shape (1,)
        The intercept.
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
        n_experts = predictions.shape[1]
        prior = {"precision": self.pull * n_experts, "centre": 1 / n_experts}
        self.weights_, intercept = linear_weights(predictions[:, :, 0], y, sample_weight, **prior)
        self.bias_ = np.array([intercept])
        return self

    def predict(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return self.answer(predictions)[:, 0]

    def answer(self, predictions: np.ndarray) -> np.ndarray:
        """Return the weighted mean, shape (n_samples, 1)."""
        return (predictions[:, :, 0] @ self.weights_)[:, None] + self.bias_


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
        n_experts = predictions.shape[1]
        self.classes_ = np.arange(predictions.shape[2])
        prior = {"precision": self.pull * n_experts, "centre": 1 / n_experts}
        self.weights_, self.bias_ = log_linear_weights(
            clipped_logs(predictions), y, sample_weight, **prior
        )
        return self

    def predict_log_proba(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return self._log_answer(predictions)

    def predict_proba(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return self.answer(predictions)

    def answer(self, predictions: np.ndarray) -> np.ndarray:
        """Return the pooled probabilities, shape (n_samples, n_classes)."""
        return np.exp(self._log_answer(predictions))

    def _log_answer(self, predictions):
        logits = np.einsum("k,nkc->nc", self.weights_, clipped_logs(predictions)) + self.bias_
        return log_softmax(logits, axis=1)

    def predict(self, X: np.ndarray, *, predictions: np.ndarray) -> np.ndarray:
        return self.predict_proba(X, predictions=predictions).argmax(axis=1)


def linear_weights(
    means: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    precision: float,
    centre: float,
    unit: float | None = None,
) -> tuple[np.ndarray, float]:
    """Minimise ``sum_i w_i (y_i - a - v . m_i)^2 / unit^2 + precision |v - centre|^2`` over v >= 0.

    Parameters
    ----------
    means : ndarray of shape (n_samples, n_experts)
    y : ndarray of shape (n_samples,)
    sample_weight : ndarray of shape (n_samples,), optional
        Its mean does not matter.
    precision, centre : float
        Of the Gaussian prior of each weight.
    unit : float, optional
        Error of one row in the unit of y; default: the root mean squared error of the best expert.

    Returns
    -------
    weights : ndarray of shape (n_experts,)
    intercept : float
    """
    weight, n_experts = _mean_one(y, sample_weight), means.shape[1]
    mean, target_mean = weight @ means / len(y), weight @ y / len(y)
    unit = unit or unit_of(means, y, sample_weight)
    root = np.sqrt(weight)[:, None]
    prior = np.sqrt(precision) * np.eye(n_experts)
    rows = np.vstack([root * (means - mean) / unit, prior])
    targets = np.append(root[:, 0] * (y - target_mean) / unit, prior.sum(0) * centre)
    weights, _ = nnls(rows, targets)
    return weights, float(target_mean - mean @ weights)


def unit_of(means: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    """Return the root mean squared error of the best expert; 1 where that is 0."""
    weight = _mean_one(y, sample_weight)
    return float(np.sqrt(np.min(weight @ (y[:, None] - means) ** 2 / len(y)))) or 1.0


def log_linear_weights(
    logs: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    precision: float,
    centre: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise the log-loss of the log-linear pool over weights v >= 0 and biases b.

    ``-sum_i w_i log softmax(sum_k v_k log p_ik + b)[y_i] + precision |v - centre|^2 / 2 +
    |b|^2 / 2``, where the sample weights have mean 1.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_experts, n_classes)
    y : ndarray of int of shape (n_samples,)
    sample_weight : ndarray of shape (n_samples,), optional
    precision, centre : float
        Of the Gaussian prior of each weight.

    Returns
    -------
    weights : ndarray of shape (n_experts,)
    bias : ndarray of shape (n_classes,)
    """
    weight, (_, n_experts, n_classes) = _mean_one(y, sample_weight), logs.shape
    columns = logs.transpose(1, 0, 2).reshape(n_experts, -1)  # (e, n c)
    weighted_truth = weight[:, None] * np.eye(n_classes)[y]

    def loss_and_gradient(vector):
        weights, bias = vector[:n_experts], vector[n_experts:]
        log_p = log_softmax((weights @ columns).reshape(-1, n_classes) + bias, axis=1)
        slopes = weight[:, None] * np.exp(log_p) - weighted_truth
        excess = precision * (weights - centre)
        loss = -np.sum(weighted_truth * log_p) + excess @ (weights - centre) / 2
        gradient = np.append(columns @ slopes.ravel() + excess, slopes.sum(axis=0) + bias)
        return loss + bias @ bias / 2, gradient

    start = np.append(np.full(n_experts, centre), np.zeros(n_classes))
    bounds = [(0, None)] * n_experts + [(None, None)] * n_classes
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:n_experts], found.x[n_experts:]


def clipped_logs(probabilities: np.ndarray) -> np.ndarray:
    """Return their logs, each at least log 1e-4: no expert alone vetoes a class."""
    return np.log(np.clip(probabilities, LEAST_STACKED, 1.0))


def _mean_one(y, sample_weight):
    """Weights of mean 1, so that a prior weighs as much as so many rows."""
    if sample_weight is None:
        return np.ones(len(y))
    return np.asarray(sample_weight, dtype=float) / np.mean(sample_weight)
