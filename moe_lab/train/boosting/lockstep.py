"""Trees of experts and gate, grown together on the gradient of the mixture likelihood.

shapes: (n)samples, (k) experts, (c) outputs of an expert: 1, or its classes
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.likelihood.arrays import log_softmax
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.outcome import gaussian_log_density

if TYPE_CHECKING:
    import lightgbm

PSEUDO_ROWS = 10.0  # of the start, in every noise scale
START_ROUNDS = 10  # with the responsibilities of the start, where it has some
LEAST_HESSIAN = 1e-6


class Lockstep:
    """A booster whose trees belong to experts and gate: one of each a round.

    Parameters
    ----------
    rows : lightgbm.Dataset
    experts : GaussianExperts or CategoricalExperts
        Those of these rows.
    settings : dict
        Of LightGBM.
    log_base : ndarray of shape (n_experts,)
        Log gate weights before the first tree.
    responsibilities : ndarray of shape (n_samples, n_experts), optional
        What the first rounds go by: identical experts give the gate no gradient.
    """

    def __init__(
        self,
        rows: lightgbm.Dataset,
        experts: GaussianExperts | CategoricalExperts,
        settings: dict,
        log_base: np.ndarray,
        responsibilities: np.ndarray | None = None,
    ):
        import lightgbm

        self.experts, self.log_base, self.start = experts, log_base, responsibilities
        self.log_likelihoods: list[float] = []
        n_trees = experts.n_columns + len(log_base)
        settings = settings | {"objective": "none", "num_class": n_trees}
        self.booster = lightgbm.Booster(settings, rows)

    def grow(self) -> None:
        """Grow one round."""
        self.booster.update(fobj=self._gradient)

    @property
    def n_rounds(self) -> int:
        """How many rounds have grown."""
        return self.booster.current_iteration()

    def _gradient(self, raw, _):
        log_gate, log_lik = self._terms(raw, self.experts)
        responsibilities, log_likelihood = e_step(log_gate, log_lik, self.experts.weight)
        self.log_likelihoods.append(log_likelihood)
        if self.start is not None and self.n_rounds < START_ROUNDS:
            responsibilities = self.start
        weight, gate = self.experts.weight[:, None], np.exp(log_gate)
        slopes, curves = self.experts.gradient(raw, responsibilities)
        n_experts = gate.shape[1]
        redundant = n_experts / (n_experts - 1)  # one score is, as in LightGBM's own softmax
        slopes = np.hstack([slopes, gate - responsibilities])
        curves = np.hstack([curves, redundant * gate * (1 - gate)])
        return weight * slopes, weight * np.maximum(curves, LEAST_HESSIAN)

    def _terms(self, raw, experts):
        log_gate = log_softmax(self.log_base + raw[:, experts.n_columns :])
        return log_gate, experts.log_lik(raw)

    def watch(self, rows: lightgbm.Dataset, experts: GaussianExperts | CategoricalExperts) -> None:
        """Let ``watched_log_likelihood`` score these rows, which the trees do not see."""
        self.booster.add_valid(rows, "watched")
        self.watched = experts

    def watched_log_likelihood(self) -> float:
        """Return the log-likelihood of the watched rows in nats, summed with their weights."""
        self.watched.scales = self.experts.scales
        log_gate, log_lik = self._terms(_scores(self.booster.eval_valid), self.watched)
        return e_step(log_gate, log_lik, self.watched.weight)[1]

    def score_grown(self) -> None:
        """Append the log-likelihood after the last round to ``log_likelihoods``."""
        del self.log_likelihoods[self.n_rounds :]  # of a round that was interrupted
        log_gate, log_lik = self._terms(_scores(self.booster.eval_train), self.experts)
        self.log_likelihoods.append(e_step(log_gate, log_lik, self.experts.weight)[1])


def _scores(evaluate):
    """Return the running scores of the rows that ``evaluate`` is about, (n_samples, n_trees)."""
    found = []

    def keep(raw, _):
        found.append(np.array(raw))
        return "scores", 0.0, True

    evaluate(feval=keep)
    return found[0]


class _Experts:
    scales: Any = None

    def of(self, rows):
        """Return those of some rows, an index array."""
        part = copy(self)
        part.y, part.trunk, part.weight = self.y[rows], self.trunk[rows], self.weight[rows]
        return part


class GaussianExperts(_Experts):
    """Experts of a number: the trunk's mean plus trees of their own, each with a noise scale.

    Their trees take small steps of a fixed size: on held-out rows of a trunk
    that is cross-fitted the right number of steps cannot be read off, since the trunk's answers on
    the other rows contain the targets of those held out.

    Parameters
    ----------
    y, weight : ndarray of shape (n_samples,)
    trunk : ndarray of shape (n_samples, 1)
        Out of fold, so that its residuals are honest.
    scales : ndarray of shape (n_experts,)
    least : float
        Least noise scale.
    rate : float
        Step size of the experts over the gate's; 0 leaves them the trunk's mean.
    """

    def __init__(
        self,
        y: np.ndarray,
        trunk: np.ndarray,
        weight: np.ndarray,
        scales: np.ndarray,
        least: float,
        rate: float,
    ):
        self.y, self.trunk, self.weight = y, trunk, weight
        self.scales = self.first_scales = scales
        self.least, self.rate = least, rate

    @property
    def n_experts(self) -> int:
        return len(self.scales)

    @property
    def n_columns(self) -> int:
        return self.n_experts if self.rate else 0

    def _residuals(self, raw):
        residuals = (self.y - self.trunk[:, 0])[:, None]
        if self.rate:
            return residuals - raw[:, : self.n_columns]
        return np.broadcast_to(residuals, (len(residuals), len(self.scales)))

    def log_lik(self, raw: np.ndarray) -> np.ndarray:
        return gaussian_log_density(self._residuals(raw), self.scales)

    def gradient(
        self, raw: np.ndarray, responsibilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the experts' slopes and curvatures, in units in which the noise scale is 1, and
        estimate the noise scales anew from the trunk's residuals, which no tree here has seen."""
        part = responsibilities * self.weight[:, None]
        squares = (self.y - self.trunk[:, 0]) ** 2
        total = part.T @ squares + PSEUDO_ROWS * self.first_scales**2
        self.scales = np.maximum(np.sqrt(total / (part.sum(axis=0) + PSEUDO_ROWS)), self.least)
        if not self.rate:
            return np.empty((len(part), 0)), np.empty((len(part), 0))
        return -self.rate * responsibilities * self._residuals(raw), responsibilities


class CategoricalExperts(_Experts):
    """Experts of a class: the trunk's log-probabilities plus trees of their own, normalised.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class codes.
    trunk : ndarray of shape (n_samples, n_classes)
        Log-probabilities, out of fold.
    weight : ndarray of shape (n_samples,)
    n_experts : int
    rate : float
        Step size of the experts over the gate's.
    """

    def __init__(
        self, y: np.ndarray, trunk: np.ndarray, weight: np.ndarray, n_experts: int, rate: float
    ):
        self.y, self.trunk, self.weight = y, trunk, weight
        self.n_experts, self.rate = n_experts, rate

    @property
    def n_columns(self) -> int:
        return self.n_experts * n_scores(self.trunk.shape[1])

    def log_lik(self, raw: np.ndarray) -> np.ndarray:
        log_proba = expert_log_proba(raw, self.trunk, self.n_experts)
        return log_proba[np.arange(len(self.y)), :, self.y]

    def gradient(
        self, raw: np.ndarray, responsibilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the experts' slopes and curvatures, (n, k * c)."""
        n_classes = self.trunk.shape[1]
        proba = np.exp(expert_log_proba(raw, self.trunk, self.n_experts))  # (n, k, c)
        target = np.eye(n_classes)[self.y][:, None]
        part = responsibilities[:, :, None]
        slopes = self.rate * part * (proba - target)
        curves = part * proba * (1 - proba)
        if n_classes == 2:
            slopes, curves = slopes[:, :, 1:], curves[:, :, 1:]
        else:
            curves = curves * n_classes / (n_classes - 1)
        return slopes.reshape(len(part), -1), curves.reshape(len(part), -1)


def n_scores(n_classes: int | None) -> int:
    """Return how many trees a round an expert needs: of two classes, one is enough."""
    return 1 if n_classes in (None, 2) else n_classes


def expert_log_proba(raw: np.ndarray, trunk: np.ndarray, n_experts: int) -> np.ndarray:
    """Return every expert's log-probabilities, (n, k, c), from the trees' scores and the trunk."""
    n_classes = trunk.shape[1]
    width = n_scores(n_classes)
    scores = raw[:, : n_experts * width].reshape(len(raw), n_experts, width)
    if n_classes == 2:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=2)
    scores = scores + trunk[:, None, :]
    return log_softmax(scores.reshape(-1, n_classes)).reshape(scores.shape)
