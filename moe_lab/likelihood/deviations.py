"""Linear experts behind a softmax gate, as deviations from one linear model: what is minimised.

shapes: (n)samples, (d)features, (e)xperts, (m) outputs of an expert: 1, or the log-odds of every
class but the first against the first. Coefficients are (d + 1, e m + e): the experts' deviations,
expert by expert, then the gate's log weights; the last row the intercepts.
"""

from functools import cached_property

import numpy as np

from moe_lab.likelihood.arrays import log_softmax, softmax
from moe_lab.likelihood.linear_problem import LinearProblem


class _Deviations(LinearProblem):
    """A mixture's loss and the penalties on its experts' deviations and on its gate.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    residuals : ndarray of shape (n_samples, n_outputs)
        What the linear model leaves: where its loss falls fastest.
    precision : float
        Penalty on the experts' coefficients over that on the gate's.
    """

    def __init__(self, Z, residuals, n_experts, precision):
        super().__init__(Z)
        self.residuals = residuals
        self.n_experts = n_experts
        self.precision = precision
        self.n_deviations = n_experts * residuals.shape[1]  # columns before those of the gate

    def penalised(self, coef):
        pull = self.penalty * coef
        pull[-1] = 0.0
        experts = pull[:, : self.n_deviations]
        experts[:] = self.precision * self.spread(experts)
        return 0.5 * np.sum(pull * coef), pull

    def spread(self, deviations):
        """Return the derivatives of half the squares of the experts' coefficients."""
        return deviations

    def start(self, rng):
        """Return coefficients near 0, on the way where curvature is left in the residuals.

        Which expert stands where along the directions is drawn.
        """
        directions, slopes = self._curvature
        corners = rng.normal(size=(self.n_experts, directions.shape[1]))
        corners = np.linalg.qr(np.column_stack([np.ones(self.n_experts), corners]))[0][:, 1:]
        corners *= np.sqrt(self.n_experts)
        deviations = 0.3 * np.einsum("dcm,ec->dem", slopes, corners)
        return np.hstack([deviations.reshape(len(slopes), -1), directions @ corners.T])

    @cached_property
    def _curvature(self):
        """Directions to divide the rows along, and what the experts then differ by.

        To second order, a mixture of small deviations and small gate weights correlates with the
        residuals through ``sum_i r_i z_i z_i'`` alone (principal Hessian directions); its leading
        eigenvectors say where the gate should look.

        References
        ----------
        Li (1992), On principal Hessian directions for data visualization and dimension reduction.
        """
        design = np.column_stack([self.Z, np.ones(len(self.Z))])
        curvatures = [_significance(design, self.weight * r) for r in self.residuals.T]
        values, vectors = np.linalg.eigh(sum(c @ c for c in curvatures))
        n_directions = min(self.n_experts - 1, len(vectors))
        values, vectors = values[-n_directions:], vectors[:, -n_directions:]
        size = np.sqrt(np.maximum(values, np.finfo(float).tiny))
        return vectors, np.stack([c @ vectors / size for c in curvatures], axis=2)


def _significance(design, pull):
    """Return the sums of a residual times two columns, in standard errors, (d + 1, d + 1)."""
    pulled = design * pull[:, None]
    error = np.sqrt((pulled**2).T @ design**2)
    return np.divide(pulled.T @ design, error, out=np.zeros_like(error), where=error > 0)


class SquaredErrorDeviations(_Deviations):
    """Half the squared error of the pooled mean, y being the residual."""

    def losses_and_slopes(self, outputs: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        means, gate = outputs[:, : self.n_experts], softmax(outputs[:, self.n_experts :])
        pooled = np.einsum("ne,ne->n", gate, means)
        error = pooled - self.residuals[rows, 0]
        pull = error[:, None] * gate
        return 0.5 * error**2, np.hstack([pull, pull * (means - pooled[:, None])])


class LogLossDeviations(_Deviations):
    """Log-loss of the pooled probabilities.

    Parameters
    ----------
    log_odds : ndarray of shape (n_samples, n_classes - 1)
        What the linear model says of every class but the first, against the first.
    targets : ndarray of shape (n_samples, n_classes - 1)
        1 for the class of the row, else 0.
    """

    def __init__(self, Z: np.ndarray, log_odds: np.ndarray, targets: np.ndarray, n_experts: int):
        odds, _, _ = _normalised(log_odds.T[None])
        super().__init__(Z, targets - odds[0].T, n_experts, precision=1.0)
        self.log_odds, self.targets = log_odds, targets

    def spread(self, deviations: np.ndarray) -> np.ndarray:
        """Squares of the coefficients of all classes, which sum to 0."""
        n_classes = self.targets.shape[1] + 1
        by_class = deviations.reshape(len(deviations), self.n_experts, -1)
        means = by_class.sum(axis=2, keepdims=True) / n_classes
        return (by_class - means).reshape(deviations.shape)

    def losses_and_slopes(self, outputs: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        log_odds, targets = self.log_odds[rows].T, self.targets[rows].T
        of_experts = outputs[:, : self.n_deviations].T.reshape(self.n_experts, *log_odds.shape)
        of_experts = of_experts + log_odds  # (e, m, n)
        log_gate = log_softmax(outputs[:, self.n_deviations :]).T
        p, top, total = _normalised(of_experts)
        own = np.einsum("emn,mn->en", of_experts, targets)
        joint = log_gate + own - top - np.log(total)
        best = joint.max(axis=0)
        responsibilities = np.exp(joint - best)
        likelihood = responsibilities.sum(axis=0)
        responsibilities /= likelihood
        p -= targets
        p *= responsibilities[:, None]
        slopes = np.vstack([p.reshape(self.n_deviations, -1), np.exp(log_gate) - responsibilities])
        return -best - np.log(likelihood), slopes.T


def _normalised(log_odds):
    """Return the probabilities of all classes but the first, (e, m, n), with the largest log-odds
    and the sum of the odds over its exponential, (e, n)."""
    top = np.maximum(log_odds.max(axis=1), 0.0)
    p = np.exp(log_odds - top[:, None])
    total = p.sum(axis=1) + np.exp(-top)
    p /= total[:, None]
    return p, top, total
