"""Tempering: probabilities as sharp as held-out rows say."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from moe_lab.likelihood.outcome import MIN_PROBABILITY, log_prob

WIDEST = 2.0  # a temperature lies between e^-2 and e^2


def temper(probabilities: np.ndarray, temperatures: ArrayLike) -> np.ndarray:
    """Raise probabilities to the power 1 / temperature and normalise them.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_experts, n_classes)
    temperatures : ndarray of shape (n_experts,)

    Returns
    -------
    tempered : ndarray of shape (n_samples, n_experts, n_classes)

    Examples
    --------
    >>> temper(np.array([[[0.8, 0.2]]]), np.array([0.5])).round(3)
    array([[[0.941, 0.059]]])
    """
    logits = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    return softmax(logits / np.asarray(temperatures)[:, None], axis=2)


def find_temperatures(probabilities: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Find the temperature of every expert that makes its held-out log-likelihood greatest.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_experts, n_classes)
        Of rows that the experts did not see.
    y : ndarray of shape (n_samples,)
        Class codes.
    weights : ndarray of shape (n_samples, n_experts)

    Returns
    -------
    temperatures : ndarray of shape (n_experts,)
        Above 1 for an expert that is too sure.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks.
    """
    return np.array(
        [_best(probabilities[:, [k]], y, weights[:, k]) for k in range(probabilities.shape[1])]
    )


def _best(probabilities, y, weight):
    def loss(log_temperature):
        return -weight @ log_prob(temper(probabilities, np.exp([log_temperature])), y)[:, 0]

    return np.exp(minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded").x)
