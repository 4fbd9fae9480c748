"""A mixture of Gaussians for every row: its moments, quantiles, scores and samples."""

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf, logsumexp, ndtr
from sklearn.utils import check_random_state

from moe_lab.likelihood.arrays import blocks
from moe_lab.likelihood.outcome import gaussian_log_density
from moe_lab.likelihood.quantile import ROOT_2PI, invert_cdf


class MixtureDistribution:
    """A Gaussian mixture for every row: what a mixture of experts says of y before it is seen.

    All methods take every row at once, in blocks, so that memory stays bounded.

    Parameters
    ----------
    weights : array-like of shape (n_samples, n_components)
        Non-negative; each row sums to 1. A component of weight 0 is never read.
    means : array-like of shape (n_samples, n_components), or broadcast to it
        In the unit of y.
    scales : array-like of shape (n_samples, n_components), or broadcast to it
        Standard deviations, positive, in the unit of y.

    Attributes
    ----------
    weights, means, scales : ndarray of shape (n_samples, n_components)
    mean, variance, std : ndarray of shape (n_samples,)
        Of the mixture, in the unit of y (variance: squared).
    within_variance, between_variance : ndarray of shape (n_samples,)
        The noise of the components, and their disagreement; they add up to ``variance`` (law of
        total variance).

    Examples
    --------
    >>> two = MixtureDistribution([[0.5, 0.5]], [[-1.0, 1.0]], 0.5)
    >>> two.mean, two.within_variance, two.between_variance
    (array([0.]), array([0.25]), array([1.]))
    >>> two.interval(0.9).round(2)
    array([[-1.64,  1.64]])
    """

    def __init__(self, weights: ArrayLike, means: ArrayLike, scales: ArrayLike):
        self.weights = np.asarray(weights, dtype=float)
        if self.weights.ndim != 2:
            raise ValueError(
                f"weights must have shape (n_samples, n_components), got {self.weights.shape}."
            )
        total = self.weights.sum(axis=1, keepdims=True)
        if not ((self.weights >= 0).all() and np.allclose(total, 1, rtol=0, atol=1e-6)):
            raise ValueError(
                "weights must be non-negative and sum to 1 in each row, got a least weight of "
                f"{self.weights.min():.4g} and sums from {total.min():.6g} to {total.max():.6g}."
            )
        self.weights = self.weights / total
        unread = self.weights == 0
        self.means = _filled("means", means, unread, 0.0)
        self.scales = _filled("scales", scales, unread, 1.0)
        if not (self.scales > 0).all():
            raise ValueError(f"scales must be positive, got {self.scales.min():.4g}.")

    def __len__(self):
        return len(self.weights)

    def __getitem__(self, rows):
        """Return the distribution of some rows: a number, slice, mask or array of numbers."""
        rows = [rows] if isinstance(rows, int | np.integer) else rows
        return MixtureDistribution(self.weights[rows], self.means[rows], self.scales[rows])

    @property
    def mean(self) -> np.ndarray:
        return np.einsum("nk,nk->n", self.weights, self.means)

    @property
    def variance(self) -> np.ndarray:
        return self.within_variance + self.between_variance

    @property
    def std(self) -> np.ndarray:
        return np.sqrt(self.variance)

    @property
    def within_variance(self) -> np.ndarray:
        return np.einsum("nk,nk->n", self.weights, self.scales**2)

    @property
    def between_variance(self) -> np.ndarray:
        return np.einsum("nk,nk->n", self.weights, (self.means - self.mean[:, None]) ** 2)

    def cdf(self, y: ArrayLike) -> np.ndarray:
        """Return the probability of a value of at most y.

        Parameters
        ----------
        y : float or array-like of shape (n_samples,)

        Returns
        -------
        cdf : ndarray of shape (n_samples,)
        """
        return self._by_block(y, lambda y, w, m, s: np.sum(w * ndtr((y - m) / s), axis=1))

    def log_pdf(self, y: ArrayLike) -> np.ndarray:
        """Return the log density at y, in nats (of a density per unit of y).

        Parameters
        ----------
        y : float or array-like of shape (n_samples,)

        Returns
        -------
        log_pdf : ndarray of shape (n_samples,)
        """
        return self._by_block(y, _log_pdf)

    def crps(self, y: ArrayLike) -> np.ndarray:
        """Return the continuous ranked probability score at y, in the unit of y; lower is better.

        It is the integral of ``(cdf(t) - (y <= t))**2`` over t: the absolute error of a forecast
        that is a distribution.

        Parameters
        ----------
        y : float or array-like of shape (n_samples,)

        Returns
        -------
        crps : ndarray of shape (n_samples,)

        References
        ----------
        Grimit, Gneiting, Berrocal & Johnson (2006), The continuous ranked probability score for
        circular variables and its application to mesoscale forecast ensemble verification, Eq. 5.

        Examples
        --------
        >>> MixtureDistribution([[1.0]], [[0.0]], 1.0).crps(0.0).round(4)
        array([0.2337])
        """
        return self._by_block(y, _crps)

    def quantile(self, q: ArrayLike) -> np.ndarray:
        """Return the values below which y lies with probability q, in the unit of y.

        Parameters
        ----------
        q : float or array-like of shape (n_q,)
            Between 0 and 1, both excluded.

        Returns
        -------
        quantile : ndarray of shape (n_samples,), or (n_samples, n_q) for an array

        Examples
        --------
        >>> MixtureDistribution([[1.0], [1.0]], [[1.0], [3.0]], 1.0).quantile([0.5, 0.975]).round(2)
        array([[1.  , 2.96],
               [3.  , 4.96]])
        """
        asked = np.asarray(q)
        numbers = asked.dtype.kind in "fiu" and asked.ndim <= 1
        if not (numbers and ((asked > 0) & (asked < 1)).all()):
            raise ValueError(f"q must be one number or a list, between 0 and 1, got q={q!r}.")
        asked = asked.astype(float)
        rows = np.repeat(np.arange(len(self)), asked.size)
        levels = np.tile(asked.ravel(), len(self))
        found = np.empty(len(rows))
        for part in blocks(len(rows), self.weights.shape[1]):
            found[part] = invert_cdf(levels[part], *self._rows(rows[part]))
        return found.reshape((len(self), *asked.shape))

    def interval(self, level: float) -> np.ndarray:
        """Return the central interval that holds y with probability ``level``.

        Parameters
        ----------
        level : float
            Between 0 and 1, both excluded; 0.9 leaves out 5 % on either side.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2)
            Lower and upper end, in the unit of y.
        """
        if not (isinstance(level, Real) and 0 < level < 1):
            raise ValueError(f"level must be a number between 0 and 1, got level={level!r}.")
        return self.quantile([(1 - level) / 2, (1 + level) / 2])

    def sample(
        self, n: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> np.ndarray:
        """Draw values of y.

        Parameters
        ----------
        n : int, default=1
            Draws for each row.
        random_state : int, RandomState or None

        Returns
        -------
        sample : ndarray of shape (n_samples, n)
        """
        if not (isinstance(n, Integral) and n >= 1):
            raise ValueError(f"n must be a whole number, 1 or more, got n={n!r}.")
        rng = check_random_state(random_state)
        shares = self.weights.cumsum(axis=1)
        shares /= shares[:, -1:]
        drawn = rng.random_sample((len(self), n))
        chosen = np.zeros(drawn.shape, dtype=int)
        for k in range(shares.shape[1] - 1):
            chosen += drawn >= shares[:, [k]]
        means, scales = (np.take_along_axis(a, chosen, axis=1) for a in (self.means, self.scales))
        return means + scales * rng.standard_normal(drawn.shape)

    def _rows(self, rows):
        return self.weights[rows], self.means[rows], self.scales[rows]

    def _by_block(self, y, function):
        """Apply a function of y as a column, and of the components, to blocks of rows."""
        y = np.asarray(y, dtype=float)
        if y.shape not in ((), (len(self),)):
            raise ValueError(
                f"y must be one number or one for each of the {len(self)} rows, got shape "
                f"{y.shape}."
            )
        y, values = np.broadcast_to(y, len(self))[:, None], np.empty(len(self))
        with np.errstate(over="ignore"):  # a square beyond the floats: a density of 0
            for rows in blocks(len(self), self.weights.shape[1]):
                values[rows] = function(y[rows], *self._rows(rows))
        return values


def _filled(name, values, unread, value):
    """Return values as wide as the weights, those that are never read replaced."""
    values = np.asarray(values, dtype=float)
    try:
        values = np.broadcast_to(values, unread.shape)
    except ValueError as error:
        raise ValueError(
            f"{name} must have the shape of weights, {unread.shape}, got {values.shape}."
        ) from error
    values = np.where(unread, value, values)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite where the weight is positive, got NaN or inf.")
    return values


def _log_pdf(y, weights, means, scales):
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    return logsumexp(log_weights + gaussian_log_density(y - means, scales), axis=1)


def _crps(y, weights, means, scales):
    """E|Y - y| - E|Y - Y'| / 2 for independent draws Y and Y' of the mixture."""
    crps = np.sum(weights * _mean_absolute(y - means, scales), axis=1)
    for k in range(weights.shape[1]):
        between = _mean_absolute(means - means[:, [k]], np.hypot(scales, scales[:, [k]]))
        crps -= 0.5 * weights[:, k] * np.sum(weights * between, axis=1)
    return crps


def _mean_absolute(mean, scale):
    """E|Z| of a Gaussian Z."""
    z = mean / scale
    return 2 * scale * np.exp(-0.5 * z**2) / ROOT_2PI + mean * erf(z / np.sqrt(2))
