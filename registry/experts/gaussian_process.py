"""Gaussian-process expert: a smooth function, and how little is known of it."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from moe_lab.experts.base import Expert
from moe_lab.registry import experts
from moe_lab.table import NumericTable, Prepared

LEAST_WEIGHT = 1e-3  # of a row, relative to the mean: its noise is finite
LEAST_NOISE = 1e-5  # variance, in the variance of y


@experts.register("gaussian_process")
class GaussianProcessExpert(Expert):
    """A Gaussian process on few rows: smooth, exact about what it does not know.

    Parameters
    ----------
    max_rows : int, default=500
        Of more rows so many are drawn, by weight: time grows with the cube.
    """

    tasks = ("regression",)
    card_notes = (
        "Its cost is cubic in the rows: for tables of hundreds, or as one of many parts.",
    )

    def __init__(self, max_rows=500):
        self.max_rows = max_rows

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        model = WeightedGaussianProcess(self.max_rows, random_state)
        return Prepared(NumericTable(scale=True), model)


class WeightedGaussianProcess(RegressorMixin, BaseEstimator):
    """A Gaussian process whose noise is larger where a row weighs less.

    Length scale and noise are those of the greatest marginal likelihood, of rows drawn by weight;
    then each row gets the noise variance divided by its weight.
    """

    def __init__(self, max_rows=500, random_state=None):
        self.max_rows = max_rows
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        X, y, weight = self._drawn(X, y, weight)
        self.mean_ = np.average(y, weights=weight)
        self.unit_ = np.sqrt(np.average((y - self.mean_) ** 2, weights=weight)) or 1.0
        target = (y - self.mean_) / self.unit_
        relative = np.maximum(weight / weight.mean(), LEAST_WEIGHT)
        found = self._kernel(X, target, relative)
        kernel, noise = found.k1, max(found.k2.noise_level, LEAST_NOISE)
        self.process_ = GaussianProcessRegressor(kernel, alpha=noise / relative, optimizer=None)
        self.process_.fit(X, target)
        self.noise_ = noise
        return self

    def predict(self, X):
        return self.mean_ + self.unit_ * self.process_.predict(X)

    def log_prob(self, X, y):
        """Return the log density of each y in nats: noise, and what is not known of the mean."""
        mean, std = self.process_.predict(X, return_std=True)
        scale = self.unit_ * np.sqrt(std**2 + self.noise_)
        residual = (y - self.mean_ - self.unit_ * mean) / scale
        return -0.5 * residual**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)

    def _drawn(self, X, y, weight):
        there = np.flatnonzero(weight > 0)
        if len(there) > self.max_rows:
            share = weight[there] / weight[there].sum()
            rng = np.random.default_rng(self.random_state)
            there = rng.choice(there, self.max_rows, replace=False, p=share)
            weight = np.ones_like(weight)  # it has had its say
        return X[there], y[there], weight[there]

    def _kernel(self, X, target, relative):
        """Return the kernel of the greatest marginal likelihood, its noise term last."""
        kernel = ConstantKernel(1.0) * RBF(np.sqrt(X.shape[1]), (0.05, 1e3))
        kernel = kernel + WhiteKernel(0.1, (LEAST_NOISE, 10.0))
        rng = np.random.default_rng(self.random_state)
        drawn = rng.choice(len(target), min(len(target), 200), p=relative / relative.sum())
        process = GaussianProcessRegressor(kernel, random_state=self.random_state)
        with warnings.catch_warnings():  # that a scale ends at its bound is an answer
            warnings.simplefilter("ignore", ConvergenceWarning)
            return process.fit(X[drawn], target[drawn]).kernel_
