"""Gaussian mixture: soft clusters, each with a size and a shape of its own."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import logsumexp

from moe_lab.divide.base import Divider, dividers
from moe_lab.divide.kmeans import clusters
from moe_lab.divide.random import target_columns
from moe_lab.likelihood.arrays import log_softmax
from moe_lab.likelihood.outcome import LOG_ROOT_2PI
from moe_lab.table import NumericTable, share_table
from moe_lab.table.forms import Table

ROUNDS = 50
TOL = 1e-5  # nats per row; a start needs no more
LEAST_VARIANCE = 1e-3  # of a standardised column, on top of a cluster's own


@dividers.register("gaussian_mixture")
class GaussianMixtureDivider(Divider):
    """Responsibilities of a mixture of Gaussians on the standardised table, by EM from k-means.

    Weighted throughout, which scikit-learn's mixture is not: a row of weight 2 counts as two rows.

    Parameters
    ----------
    on_target : bool, default=False
        True: y takes part, as a further standardised column, or one column for each class. Its
        clusters may then overlap in X, as two lines that cross do.
    """

    takes_reading = True

    def __init__(self, on_target: bool = False):
        self.on_target = on_target

    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        Z = _standardised(X, sample_weight)
        if self.on_target:
            Z = np.hstack([Z, _standardised(target_columns(y), sample_weight)])
        first = clusters(Z, n_experts, sample_weight, random_state)
        weight = np.ones(len(Z)) if sample_weight is None else np.asarray(sample_weight, float)
        return _fit(Z, first, weight)


def _standardised(X, weight):
    return share_table(NumericTable(scale=True), X, weight)[1]


def _fit(Z, responsibilities, weight):
    """Alternate M-steps and E-steps until the log-likelihood per row settles."""
    previous = -np.inf
    for _ in range(ROUNDS):
        parts = (responsibilities * weight[:, None]).T  # (n_experts, n_samples)
        log_joint = np.column_stack([_log_joint(Z, part, weight.sum()) for part in parts])
        responsibilities = np.exp(log_softmax(log_joint))
        log_likelihood = np.average(logsumexp(log_joint, axis=1), weights=weight)
        if log_likelihood - previous < TOL:
            break
        previous = log_likelihood
    return responsibilities


def _log_joint(Z, part, total):
    """Fit a Gaussian to a part; return the log of its share times its density, (n_samples,)."""
    mass = max(part.sum(), np.finfo(float).tiny)
    centred = Z - part @ Z / mass
    covariance = (centred * part[:, None]).T @ centred / mass
    covariance.flat[:: Z.shape[1] + 1] += LEAST_VARIANCE
    root = cholesky(covariance, lower=True)
    squares = np.sum(solve_triangular(root, centred.T, lower=True) ** 2, axis=0)
    constant = np.log(mass / total) - np.log(np.diag(root)).sum()
    return constant - (0.5 * squares + Z.shape[1] * LOG_ROOT_2PI)
