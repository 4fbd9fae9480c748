"""How well an outcome is explained: log-probabilities and noise scales."""

import numpy as np

MIN_PROBABILITY = 1e-5  # a class probability is at least this before its log is taken
LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)
LEAST_SCALE = 1e-12  # of a noise scale that is to have a logarithm


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
    return gaussian_log_density(y[:, None] - predictions[:, :, 0], scales)


def gaussian_log_density(residuals, scales):
    """Return the log density of Gaussian noise, in nats.

    Parameters
    ----------
    residuals : ndarray
    scales : float or ndarray that broadcasts to them
        Standard deviations.

    Returns
    -------
    log_density : ndarray of the residuals' shape

    Examples
    --------
    >>> gaussian_log_density(np.array([0.0, 2.0]), 1.0).round(3)
    array([-0.919, -2.919])
    """
    log_density = residuals / scales
    log_density *= log_density
    log_density *= -0.5
    log_density -= np.log(scales) + LOG_ROOT_2PI
    return log_density


def noise_scales(predictions, y, weights, min_scale):
    """Weighted root mean squared residual of every expert, at least ``min_scale``; (n_experts,)."""
    squares = (y[:, None] - predictions[:, :, 0]) ** 2
    return np.maximum(np.sqrt((weights * squares).sum(axis=0) / weights.sum(axis=0)), min_scale)


def least_scale(min_scale, unit=1.0):
    """Return the least noise scale that ``min_scale`` units allow; never 0."""
    return max(min_scale * unit, LEAST_SCALE)


def unit_of(y, weight):
    """The standard deviation of y; of a constant its size, so that a noise scale is never 0."""
    spread, size = standard_deviation(y, weight), float(np.abs(y).max())
    return spread if spread > 1e-12 * size else size or 1.0


def standard_deviation(y, weight):
    """Weighted standard deviation of y."""
    return float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))
