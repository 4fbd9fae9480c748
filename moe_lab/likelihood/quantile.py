"""Quantiles of Gaussian mixtures: the inverse of the distribution function."""

import numpy as np
from scipy.special import ndtr, ndtri

ROOT_2PI = np.sqrt(2 * np.pi)


def invert_cdf(
    q: np.ndarray, weights: np.ndarray, means: np.ndarray, scales: np.ndarray
) -> np.ndarray:
    """Solve cdf(y) = q in each row: Newton on the log of the nearer tail, safe in a bracket.

    The components' own quantiles are the bracket; where Newton leaves it, or does not halve its
    steps, the bracket is halved. y is counted from a point within, to resolve any noise.
    """
    ends = means + scales * ndtri(q)[:, None]
    start = np.sum(weights * ends, axis=1)
    ends, means = ends - start[:, None], means - start[:, None]
    low = np.minimum(np.where(weights > 0, ends, np.inf).min(axis=1), 0.0)
    high = np.maximum(np.where(weights > 0, ends, -np.inf).max(axis=1), 0.0)
    unit = np.where(weights > 0, scales, np.inf).min(axis=1)
    y, step = np.zeros(len(q)), high - low
    active = np.flatnonzero(high > low)
    while len(active):
        a = active
        gap, slope = _gap(y[a], q[a], weights[a], means[a], scales[a])
        low[a] = np.where(gap > 0, low[a], y[a])
        high[a] = np.where(gap > 0, y[a], high[a])
        move, solved = _move(gap, slope, y[a], low[a], high[a], step[a], unit[a])
        y[a] += move
        step[a] = np.abs(move)
        active = a[~solved]
    return start + y


def _gap(y, q, weights, means, scales):
    """Return log(cdf(y) / q), or its mirror image in the upper half, and the slope in y."""
    side = np.where(q <= 0.5, 1.0, -1.0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        z = (y[:, None] - means) / scales
        tail = np.sum(weights * ndtr(side[:, None] * z), axis=1)
        density = np.sum(weights / scales * np.exp(-0.5 * z**2), axis=1) / ROOT_2PI
        return side * np.log(tail / np.minimum(q, 1 - q)), density / tail


def _move(gap, slope, y, low, high, step, unit):
    """Return how far to go from y, and whether that is the last move."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        newton = -gap / slope
    tolerance = 1e-13 * (np.abs(y) + unit) + np.finfo(float).tiny
    exact = np.abs(gap) <= 1e-15  # where the cdf is flat, every point is as good
    near = (np.abs(gap) <= 1e-8) & (np.abs(newton) <= tolerance)
    inside = (y + newton > low) & (y + newton < high) & (np.abs(newton) <= step / 2)
    move = np.where(near | inside, newton, (low + high) / 2 - y)
    return np.where(exact, 0.0, move), exact | near | (high - low <= tolerance)
