"""Softmax gate weights fitted to fixed experts: to their likelihood, or to the pooled mean.

shapes as in linear_problem.
"""

import numpy as np
from scipy.special import logsumexp

from moe_lab.likelihood.arrays import log_softmax, softmax
from moe_lab.likelihood.linear_problem import LinearProblem, check_strength, lbfgs


def fit_mixing(
    Z: np.ndarray,
    log_lik: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    C: float = 1.0,
    coef: np.ndarray | None = None,
    max_iter: int = 200,
) -> np.ndarray:
    """Fit softmax gate weights to the likelihood of fixed experts.

    Minimises ``-sum_i w_i log sum_k g_k(z_i) exp(log_lik_ik) + |W|^2 / (2 C)``, starting from the
    best constant weights.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    log_lik : ndarray of shape (n_samples, n_experts)
        Log-likelihood of each target under each expert, in nats.

    Returns
    -------
    coef : ndarray of shape (n_features + 1, n_experts)
    """
    return _from_constant(
        lambda Z: _Mixing(Z, log_lik), Z, log_lik.shape[1], sample_weight, C, coef, max_iter
    )


def fit_pooled_mean(
    Z: np.ndarray,
    predictions: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    C: float = 1.0,
    coef: np.ndarray | None = None,
    max_iter: int = 200,
) -> np.ndarray:
    """Fit softmax gate weights to the squared error of the pooled mean of fixed experts.

    Minimises ``sum_i w_i (y_i - sum_k g_k(z_i) a_ik)^2 / (2 s^2) + |W|^2 / (2 C)``, where s^2 is
    the mean squared error of the best expert, so that C means the same whatever the unit of y.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    predictions : ndarray of shape (n_samples, n_experts)
    y : ndarray of shape (n_samples,)

    Returns
    -------
    coef : ndarray of shape (n_features + 1, n_experts)
    """
    errors = np.average((y[:, None] - predictions) ** 2, axis=0, weights=sample_weight)
    unit = np.sqrt(errors.min()) or 1.0
    return _from_constant(
        lambda Z: _PooledMean(Z, predictions / unit, y / unit),
        Z,
        predictions.shape[1],
        sample_weight,
        C,
        coef,
        max_iter,
    )


def _from_constant(make, Z, n_experts, sample_weight, C, coef, max_iter):
    """Minimise over the intercepts alone, then over all coefficients from there."""
    check_strength(C)
    weight = np.ones(len(Z)) if sample_weight is None else np.asarray(sample_weight, float)
    penalty = 1.0 / (C * weight.sum())
    weight = weight / weight.sum()
    if coef is None:
        constant = make(Z[:, :0]).weighted(weight, 0.0)
        coef = np.zeros((Z.shape[1] + 1, n_experts))
        coef[-1] = lbfgs(constant, coef[-1:], max_iter)
    if Z.shape[1]:
        coef = lbfgs(make(Z).weighted(weight, penalty), coef, max_iter)
    return coef - coef.mean(axis=1, keepdims=True)


class _Mixing(LinearProblem):
    def __init__(self, Z, log_lik):
        super().__init__(Z)
        self.log_lik = log_lik

    def losses_and_slopes(self, logits, rows):
        log_gate = log_softmax(logits)
        joint = log_gate + self.log_lik[rows]
        losses = logsumexp(joint, axis=1)
        return -losses, np.exp(log_gate) - np.exp(joint - losses[:, None])


class _PooledMean(LinearProblem):
    def __init__(self, Z, predictions, y):
        super().__init__(Z)
        self.predictions, self.y = predictions, y

    def losses_and_slopes(self, logits, rows):
        gate, predictions = softmax(logits), self.predictions[rows]
        pooled = np.einsum("nk,nk->n", gate, predictions)
        error = pooled - self.y[rows]
        return 0.5 * error**2, error[:, None] * gate * (predictions - pooled[:, None])
