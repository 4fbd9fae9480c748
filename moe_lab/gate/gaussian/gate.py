"""Gaussian gate: each expert's part of the input is a Gaussian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from moe_lab.gate.base import FeatureGate, Gate, gates
from moe_lab.gate.gaussian.levels import Levels
from moe_lab.gate.gaussian.whitening import Whitening, moments
from moe_lab.likelihood.arrays import blocks, log_softmax, row_max, row_sum
from moe_lab.likelihood.numbers import check_number
from moe_lab.likelihood.outcome import LOG_ROOT_2PI
from moe_lab.table import NumericTable, learn_table

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

LEAST = 1e-12  # of all weight: an expert without rows is counted as having so much
SINGULAR = 1e-12  # of a variance: what is left of it below this is rounding error


@gates.register("gaussian")
class GaussianGate(FeatureGate):
    """Localised gate of Xu, Jordan & Hinton (1995): ``g_k(x)`` proportional to ``pi_k N(x | m_k,
    S_k)``.

    The M-step is a closed form. Numbers are turned into coordinates in which the covariance of all
    rows is the unit matrix. What comes in levels has no density: categories, missing values, and
    numbers with more than a tenth of the rows at one value (a 0/1 column, a count with many zeros)
    are independent of the rest given the expert, which has a share of each level. Copies of columns
    drop out. EM maximises the joint density of input and target: where rows lie counts beside what
    they say; columns that say nothing of the experts can be left out by ``columns``.

    Parameters
    ----------
    shrinkage : float, default=1.0
        Pseudo-rows, spread like the whole table, that are added to each expert's covariance,
        ``S_k = (scatter_k + shrinkage I) / (n_k + shrinkage)``, and to its shares of levels. 0 is
        maximum likelihood.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.

    Attributes
    ----------
    weights_ : ndarray of shape (n_experts,)
        pi: the share of the rows that each expert has.
    means_ : ndarray of shape (n_experts, n_columns)
        Of the numbers that do not come in steps, ``table_.get_feature_names_out()[smooth_]``, in
        their own units.
    covariances_ : ndarray of shape (n_experts, n_columns, n_columns)
        Likewise.
    log_shares_ : ndarray of shape (n_experts, n_levels)
        Log share of each level of what comes in levels, in the order of ``levels_``.

    References
    ----------
    Xu, Jordan & Hinton (1995), An alternative model for mixtures of experts.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> gate = GaussianGate(shrinkage=0.0).fit(X, np.eye(2)[[0, 0, 0, 1, 1, 1]])
    >>> gate.means_
    array([[1.],
           [8.]])
    >>> gate.predict_proba([[4.5]]).round(2)
    array([[0.5, 0.5]])
    """

    takes_reading = True
    parametric = True

    def __init__(self, shrinkage: float = 1.0, columns: list[str | int] | None = None):
        self.shrinkage = shrinkage
        self.columns = columns

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        check_number("shrinkage", self.shrinkage)
        table = NumericTable(columns=self.columns)
        self.table_, rows = learn_table(table, X, sample_weight)
        weight = np.ones(len(rows)) if sample_weight is None else np.asarray(sample_weight, float)
        self.levels_, self.smooth_ = Levels.of(self.table_, rows, weight)
        self.whitening_ = Whitening.of(rows[:, self.smooth_], weight)
        return self._features(rows)

    def features(self, X: Table | Reading) -> np.ndarray:
        return self._features(self.table_.transform(X))

    def _features(self, rows):
        """Whitened numbers, then indicators of levels."""
        whitened = self.whitening_.apply(rows[:, self.smooth_])
        return np.hstack([whitened, self.levels_.apply(rows)])

    @property
    def _n_directions(self):
        return self.whitening_.forward.shape[1]

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        weight = np.ones(len(features)) if sample_weight is None else sample_weight
        n_directions, n_experts = self._n_directions, responsibilities.shape[1]
        directions = features[:, :n_directions]
        mass = weight @ responsibilities
        mass = np.maximum(mass, LEAST * mass.sum())  # (k,)
        self.log_weights_ = np.log(mass / mass.sum())
        self.centres_ = np.empty((n_experts, n_directions))
        self.factors_ = np.empty((n_experts, n_directions, n_directions))
        for k in range(n_experts):
            part = weight * responsibilities[:, k]
            self.centres_[k] = part @ directions / mass[k]
            scatter = moments(directions, part, self.centres_[k])[1]
            self.factors_[k] = self._precision_factor(scatter, mass[k])
        self.log_shares_ = self._log_shares(self._counts(features, responsibilities, weight))
        return self

    def _counts(self, features, responsibilities, weight):
        """Return each expert's weight in every level, pseudo-rows included, (k, n_levels)."""
        own = (weight[:, None] * responsibilities).T @ features[:, self._n_directions :]
        return own + self.shrinkage * self.levels_.shares

    def _log_shares(self, counts):
        totals = self.levels_.totals(counts)[1]
        if not (counts > 0).all():
            raise ValueError(
                "shrinkage must be positive where an expert has no row of some level, got "
                f"shrinkage={self.shrinkage}. Set shrinkage=1.0, or choose columns=[...]."
            )
        return np.log(counts / totals)

    def _precision_factor(self, scatter, mass):
        """Return the upper triangular U with S^-1 = U U', (d, d)."""
        unit = np.eye(len(scatter))
        covariance = (scatter + self.shrinkage * unit) / (mass + self.shrinkage)
        try:
            lower = cholesky(covariance, lower=True)
        except LinAlgError as error:
            raise ValueError(self._why_singular()) from error
        if (np.diag(lower) ** 2 <= SINGULAR * np.diag(covariance)).any():
            raise ValueError(self._why_singular())
        return solve_triangular(lower, unit, lower=True).T

    def _why_singular(self):
        return (
            "shrinkage must be positive where the rows of an expert do not differ in some "
            f"direction, got shrinkage={self.shrinkage} and a singular covariance. "
            "Set shrinkage=1.0, use fewer experts, or choose columns=[...]."
        )

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        return log_softmax(self._log_joint(features))

    def log_density(self, features: np.ndarray) -> np.ndarray:
        """Return ``log sum_k pi_k N(x | m_k, S_k)`` in nats of the features, shape (n_samples,)."""
        joint = self._log_joint(features)
        most = row_max(joint)
        return most + np.log(row_sum(np.exp(joint - most[:, None])))

    def _log_joint(self, features):
        """Return log pi_k + log N(x | m_k, S_k), (n, k)."""
        n_directions = self._n_directions
        joint = features[:, n_directions:] @ self.log_shares_.T
        for block in blocks(len(features), n_directions + 1):
            directions = features[block, :n_directions]
            for k, (centre, factor) in enumerate(zip(self.centres_, self.factors_, strict=True)):
                z = (directions - centre) @ factor
                joint[block, k] -= 0.5 * np.einsum("nd,nd->n", z, z)
        log_scales = np.log(np.diagonal(self.factors_, axis1=1, axis2=2)).sum(axis=1)
        joint += self.log_weights_ + log_scales - n_directions * LOG_ROOT_2PI
        return joint

    @property
    def weights_(self) -> np.ndarray:
        return np.exp(self.log_weights_)

    @property
    def means_(self) -> np.ndarray:
        standardised = self.centres_ @ self.whitening_.backward + self.whitening_.mean
        units, origin = self.table_.scale_[self.smooth_], self.table_.mean_[self.smooth_]
        return standardised * units + origin

    @property
    def covariances_(self) -> np.ndarray:
        backward = self.whitening_.backward * self.table_.scale_[self.smooth_]
        identity = np.eye(len(backward))
        lower = [solve_triangular(factor.T, identity, lower=True) for factor in self.factors_]
        return np.array([(backward.T @ root) @ (backward.T @ root).T for root in lower])

    @property
    def log_prior_(self) -> float:  # type: ignore[override]
        """The inverse-Wishart prior, shrinkage / 2 times sum_k (-log |S_k| - trace S_k^-1), and
        the Dirichlet prior of the shares."""
        diagonals = np.diagonal(self.factors_, axis1=1, axis2=2)
        of_shares = np.sum(self.log_shares_ @ self.levels_.shares)
        of_factors = np.log(diagonals).sum() - 0.5 * np.sum(self.factors_**2)
        return self.shrinkage * (of_factors + of_shares)

    @property
    def n_parameters_(self) -> int:
        n_experts, n_directions = self.centres_.shape
        of_normal = n_directions * (n_directions + 3) // 2
        return n_experts - 1 + n_experts * (of_normal + self.levels_.n_free)

    # vector: log pi, centres, the factors' upper triangles with log diagonals, the log shares.

    @property
    def vector(self) -> np.ndarray:
        corner = np.triu_indices(self.centres_.shape[1])
        on_diagonal = corner[0] == corner[1]
        triangles = self.factors_[:, *corner]
        triangles[:, on_diagonal] = np.log(triangles[:, on_diagonal])
        parts = self.log_weights_, self.centres_, triangles, self.log_shares_
        return np.concatenate([part.ravel() for part in parts])

    @vector.setter
    def vector(self, vector: np.ndarray) -> None:
        n_experts, n_directions = self.centres_.shape
        corner = np.triu_indices(n_directions)
        sizes = n_experts, self.centres_.size, n_experts * len(corner[0])
        logits, centres, triangles, shares = np.split(vector, np.cumsum(sizes))
        self.log_shares_ = self.levels_.normalised(shares.reshape(n_experts, -1))
        self.log_weights_ = log_softmax(logits[None])[0]
        self.centres_ = centres.reshape(n_experts, n_directions)
        factors = np.zeros((n_experts, n_directions, n_directions))
        factors[:, *corner] = triangles.reshape(n_experts, -1)
        diagonal = np.arange(n_directions)
        logs = np.clip(factors[:, diagonal, diagonal], -300, 300)  # a line search may go far
        factors[:, diagonal, diagonal] = np.exp(logs)
        self.factors_ = factors

    def gradient(
        self, features: np.ndarray, responsibilities: np.ndarray, sample_weight: np.ndarray
    ) -> np.ndarray:
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        mass = sample_weight @ responsibilities
        of_logits = mass - mass.sum() * self.weights_
        of_centres, of_triangles = np.empty(self.centres_.shape), []
        corner, directions = np.triu_indices(self._n_directions), features[:, : self._n_directions]
        for k, (centre, factor) in enumerate(zip(self.centres_, self.factors_, strict=True)):
            total, scatter = moments(directions, sample_weight * responsibilities[:, k], centre)
            of_centres[k] = factor @ (factor.T @ total)
            of_factor = -(scatter + self.shrinkage * np.eye(len(centre))) @ factor
            diagonal = np.diag(of_factor) * np.diag(factor) + mass[k] + self.shrinkage
            np.fill_diagonal(of_factor, diagonal)
            of_triangles.append(of_factor[corner])
        counts = self._counts(features, responsibilities, sample_weight)
        of_shares = counts - self.levels_.totals(counts)[1] * np.exp(self.log_shares_)
        parts = of_logits, of_centres.ravel(), *of_triangles, of_shares.ravel()
        return np.concatenate(parts)
