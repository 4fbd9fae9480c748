"""How well an outcome is explained: log-probabilities and noise scales."""

import numpy as np

LEAST_SCALE = np.sqrt(np.finfo(float).tiny)  # its square is not 0
ROUNDING = 4 * np.finfo(float).eps  # of the size of a number: what differs by less is the same
RANGES = {0.25: 1.349, 0.05: 3.290, 0.01: 4.653}  # central, in standard deviations, by their tails
MIN_PROBABILITY = 1e-5  # a class probability is at least this before its log is taken
LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)


def log_prob(
    predictions: np.ndarray, y: np.ndarray, scales: np.ndarray | None = None
) -> np.ndarray:
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


def gaussian_log_density(residuals: np.ndarray, scales: float | np.ndarray) -> np.ndarray:
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


def noise_scales(
    predictions: np.ndarray, y: np.ndarray, weights: np.ndarray, min_scale: float
) -> np.ndarray:
    """Weighted root mean squared residual of every expert, at least ``min_scale``; (n_experts,)."""
    squares = (y[:, None] - predictions[:, :, 0]) ** 2
    return np.maximum(np.sqrt((weights * squares).sum(axis=0) / weights.sum(axis=0)), min_scale)


def standard_deviation(y: np.ndarray, weight: np.ndarray) -> float:
    """Weighted standard deviation of y."""
    return float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))


def unit_of(y: np.ndarray, weight: np.ndarray) -> float:
    """Return the standard deviation of y; of a constant its size, so that it is never 0."""
    spread, size = standard_deviation(y, weight), float(np.abs(y).max())
    return spread if spread > ROUNDING * size else size or 1.0


def noise_floor(y: np.ndarray, weight: np.ndarray, share: float) -> float:
    """Return the least noise scale: a share of the spread of y, and never below rounding.

    A few outliers do not move it: the spread is that of the middle half of the rows, or where
    these are all equal of more of them, and at most the standard deviation.

    Parameters
    ----------
    y, weight : ndarray of shape (n_samples,)
    share : float

    Examples
    --------
    >>> y = np.linspace(-1, 1, 100)
    >>> far = np.append(y, 1e6)
    >>> float(noise_floor(far, np.ones(101), 0.01) / noise_floor(y, np.ones(100), 0.01)) < 1.3
    True
    """
    rounding = max(ROUNDING * float(np.abs(y).max()), LEAST_SCALE)
    spread = standard_deviation(y, weight)
    for tail, width in RANGES.items():
        ends = np.quantile(y, [tail, 1 - tail], weights=weight, method="inverted_cdf")
        if np.ptp(ends) > rounding:
            spread = min(spread, np.ptp(ends) / width)
            break
    return max(share * spread, rounding)


def row_losses(predictions: np.ndarray, y: np.ndarray, n_classes: int | None) -> np.ndarray:
    """Return each row's squared error, or log-loss in nats where there are classes.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, ..., n_outputs)
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    n_classes : int or None

    Returns
    -------
    losses : ndarray of shape (n_samples, ...)
    """
    if n_classes is not None:
        return -np.log(np.clip(predictions[np.arange(len(y)), ..., y], MIN_PROBABILITY, 1.0))
    return (y.reshape(-1, *[1] * (predictions.ndim - 2)) - predictions[..., 0]) ** 2
