"""How well an outcome is explained: log-probabilities and noise scales."""

import numpy as np

MIN_PROBABILITY = 1e-5  # a class probability is at least this before its log is taken


def log_prob(predictions, y, scales=None):
    """Log-probability of the targets under each expert, from its predictions.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    scales : ndarray of shape (n_experts,), optional
        Gaussian noise scales (regression); None: classification.

    Returns
    -------
    log_prob : ndarray of shape (n_samples, n_experts), in nats
    """
    if scales is None:
        return np.log(np.clip(predictions[np.arange(len(y)), :, y], MIN_PROBABILITY, 1.0))
    z = (y[:, None] - predictions[:, :, 0]) / scales
    return -0.5 * z**2 - np.log(scales) - 0.5 * np.log(2 * np.pi)


def noise_scales(predictions, y, weights, min_scale):
    """Weighted root mean squared residual of every expert, at least ``min_scale``; (n_experts,)."""
    squares = (y[:, None] - predictions[:, :, 0]) ** 2
    return np.maximum(np.sqrt((weights * squares).sum(axis=0) / weights.sum(axis=0)), min_scale)


def unit_of(y, weight):
    """The standard deviation of y; of a constant its size, so that a noise scale is never 0."""
    spread, size = standard_deviation(y, weight), float(np.abs(y).max())
    return spread if spread > 1e-12 * size else size or 1.0


def standard_deviation(y, weight):
    """Weighted standard deviation of y."""
    return float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))
