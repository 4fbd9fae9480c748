"""Gaussian gate: each expert's part of the input is a Gaussian."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from moe_lab.gate.base import FeatureGate, gates
from moe_lab.gate.gaussian.whitening import Whitening, moments
from moe_lab.likelihood.arrays import blocks, log_softmax, row_max, row_sum
from moe_lab.table import NumericTable

LEAST = 1e-12  # of all weight: an expert without rows is counted as having so much
SINGULAR = 1e-12  # of a variance: what is left of it below this is rounding error


@gates.register("gaussian")
class GaussianGate(FeatureGate):
    """Localised gate of Xu, Jordan & Hinton (1995): ``g_k(x)`` proportional to ``pi_k N(x | m_k,
    S_k)``.

    The M-step is a closed form. Reads the table standardised, categories one-hot, and turned into
    coordinates in which the covariance of all rows is the unit matrix; copies of columns drop out.
    EM then maximises the joint density of input and target: where rows lie counts beside what they
    say. A level that one expert has alone makes a narrow, high density, so that many categories
    outweigh the target: leave them out by ``columns``.

    Parameters
    ----------
    shrinkage : float, default=1.0
        Pseudo-rows, spread like the whole table, that are added to each expert's covariance:
        ``S_k = (scatter_k + shrinkage I) / (n_k + shrinkage)``. 0 is maximum likelihood.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.

    Attributes
    ----------
    weights_ : ndarray of shape (n_experts,)
        pi: the share of the rows that each expert has.
    means_ : ndarray of shape (n_experts, n_columns)
        In the units of ``table_.get_feature_names_out()``: numbers as they come.
    covariances_ : ndarray of shape (n_experts, n_columns, n_columns)
        Likewise.

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

    parametric = True

    def __init__(self, shrinkage=1.0, columns=None):
        self.shrinkage = shrinkage
        self.columns = columns

    def learn_features(self, X, sample_weight=None):
        if not self.shrinkage >= 0:
            raise ValueError(f"shrinkage must be at least 0, got shrinkage={self.shrinkage}.")
        self.table_ = NumericTable(columns=self.columns).fit(X, sample_weight=sample_weight)
        rows = self.table_.transform(X)
        weight = np.ones(len(rows)) if sample_weight is None else np.asarray(sample_weight, float)
        self.whitening_ = Whitening.of(rows, weight)
        return self.whitening_.apply(rows)

    def features(self, X):
        return self.whitening_.apply(self.table_.transform(X))

    def fit_features(self, features, responsibilities, sample_weight=None, start=None):
        weight = np.ones(len(features)) if sample_weight is None else sample_weight
        n_directions, n_experts = features.shape[1], responsibilities.shape[1]
        mass = weight @ responsibilities
        mass = np.maximum(mass, LEAST * mass.sum())  # (k,)
        self.log_weights_ = np.log(mass / mass.sum())
        self.centres_ = np.empty((n_experts, n_directions))
        self.factors_ = np.empty((n_experts, n_directions, n_directions))
        for k in range(n_experts):
            part = weight * responsibilities[:, k]
            self.centres_[k] = part @ features / mass[k]
            scatter = moments(features, part, self.centres_[k])[1]
            self.factors_[k] = self._precision_factor(scatter, mass[k])
        return self

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

    def log_proba_features(self, features):
        return log_softmax(self._log_joint(features))

    def log_density(self, features):
        """Return ``log sum_k pi_k N(x | m_k, S_k)`` in nats of the features, shape (n_samples,)."""
        joint = self._log_joint(features)
        most = row_max(joint)
        return most + np.log(row_sum(np.exp(joint - most[:, None])))

    def _log_joint(self, features):
        """Return log pi_k + log N(x | m_k, S_k), (n, k)."""
        n_directions = features.shape[1]
        joint = np.empty((len(features), len(self.centres_)))
        for block in blocks(len(features), n_directions + 1):
            for k, (centre, factor) in enumerate(zip(self.centres_, self.factors_, strict=True)):
                z = (features[block] - centre) @ factor
                joint[block, k] = -0.5 * np.einsum("nd,nd->n", z, z)
        log_scales = np.log(np.diagonal(self.factors_, axis1=1, axis2=2)).sum(axis=1)
        joint += self.log_weights_ + log_scales - 0.5 * n_directions * np.log(2 * np.pi)
        return joint

    @property
    def weights_(self):
        return np.exp(self.log_weights_)

    @property
    def means_(self):
        units, origin = self._units()
        return (self.centres_ @ self.whitening_.backward + self.whitening_.mean) * units + origin

    @property
    def covariances_(self):
        backward = self.whitening_.backward * self._units()[0]
        identity = np.eye(len(backward))
        lower = [solve_triangular(factor.T, identity, lower=True) for factor in self.factors_]
        return np.array([(backward.T @ root) @ (backward.T @ root).T for root in lower])

    def _units(self):
        """Return the unit and the origin of each standardised column."""
        n_others = len(self.whitening_.mean) - len(self.table_.scale_)
        units = np.append(self.table_.scale_, np.ones(n_others))
        return units, np.append(self.table_.mean_, np.zeros(n_others))

    @property
    def log_prior_(self):
        """The inverse-Wishart prior: shrinkage / 2 times sum_k (-log |S_k| - trace S_k^-1)."""
        diagonals = np.diagonal(self.factors_, axis1=1, axis2=2)
        return self.shrinkage * (np.log(diagonals).sum() - 0.5 * np.sum(self.factors_**2))

    @property
    def n_parameters_(self):
        n_experts, n_directions = self.centres_.shape
        return n_experts - 1 + n_experts * n_directions * (n_directions + 3) // 2

    # vector: log pi, then centres, then the factors' upper triangles with log diagonals.

    @property
    def vector(self):
        corner = np.triu_indices(self.centres_.shape[1])
        on_diagonal = corner[0] == corner[1]
        triangles = self.factors_[:, *corner]
        triangles[:, on_diagonal] = np.log(triangles[:, on_diagonal])
        return np.concatenate([self.log_weights_, self.centres_.ravel(), triangles.ravel()])

    @vector.setter
    def vector(self, vector):
        n_experts, n_directions = self.centres_.shape
        corner = np.triu_indices(n_directions)
        logits, centres, triangles = np.split(vector, [n_experts, n_experts * (n_directions + 1)])
        self.log_weights_ = log_softmax(logits[None])[0]
        self.centres_ = centres.reshape(n_experts, n_directions)
        factors = np.zeros((n_experts, n_directions, n_directions))
        factors[:, *corner] = triangles.reshape(n_experts, -1)
        diagonal = np.arange(n_directions)
        logs = np.clip(factors[:, diagonal, diagonal], -300, 300)  # a line search may go far
        factors[:, diagonal, diagonal] = np.exp(logs)
        self.factors_ = factors

    def gradient(self, features, responsibilities, sample_weight):
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        mass = sample_weight @ responsibilities
        of_logits = mass - mass.sum() * self.weights_
        of_centres, of_triangles = np.empty(self.centres_.shape), []
        corner = np.triu_indices(features.shape[1])
        for k, (centre, factor) in enumerate(zip(self.centres_, self.factors_, strict=True)):
            total, scatter = moments(features, sample_weight * responsibilities[:, k], centre)
            of_centres[k] = factor @ (factor.T @ total)
            of_factor = -(scatter + self.shrinkage * np.eye(len(centre))) @ factor
            diagonal = np.diag(of_factor) * np.diag(factor) + mass[k] + self.shrinkage
            np.fill_diagonal(of_factor, diagonal)
            of_triangles.append(of_factor[corner])
        return np.concatenate([of_logits, of_centres.ravel(), *of_triangles])
