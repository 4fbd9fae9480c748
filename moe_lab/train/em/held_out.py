"""Flexible parts under EM: scored on rows that they did not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.experts.powers import HasDensity
from moe_lab.likelihood.outcome import log_prob, noise_scales
from moe_lab.likelihood.temper import find_temperatures, temper
from moe_lab.registry.powers import has_power

if TYPE_CHECKING:
    from moe_lab.gate.base import Gate


class HeldOut:
    """Scores experts and gates out of fold.

    Parameters
    ----------
    steps : EMSteps
        Whose table and unfitted parts they are.
    folds : list of (train, test) pairs of index arrays
    """

    def __init__(self, steps: Any, folds: list[tuple]):
        self.steps, self.folds = steps, folds

    def score_experts(
        self, experts: np.ndarray, responsibilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score the flexible experts of these numbers.

        Returns
        -------
        log_lik : ndarray of shape (n_samples, n_flexible), in nats
        scales : ndarray of shape (n_flexible,)
            Noise scales or temperatures, from the same rows; NaN of experts with a density.
        """
        weights = responsibilities * self.steps.weight[:, None]
        own = np.array([self._has_density(k) for k in experts])
        log_lik, scales = np.empty(weights.shape), np.full(len(experts), np.nan)
        if own.any():
            log_lik[:, own] = self._cross_fit(experts[own], weights[:, own], scoring=True)
        if not own.all():
            predictions = self._cross_fit(experts[~own], weights[:, ~own])
            log_lik[:, ~own], scales[~own] = self._scored(predictions, weights[:, ~own])
        return log_lik, scales

    def score_gate(self, unfitted: Gate, responsibilities: np.ndarray) -> np.ndarray:
        """Return the log gate weights, shape (n_samples, n_alive)."""
        log_gate = np.empty(responsibilities.shape)
        for train, test in self.folds:
            rows = self.steps.data.take(train)
            gate = clone(unfitted)
            gate.fit(rows.for_(gate), responsibilities[train], rows.sample_weight)
            log_gate[test] = gate.log_proba(self.steps.data.take(test).for_(gate))
        return log_gate

    def _has_density(self, k):
        return self.steps.data.task == "regression" and has_power(self.steps.models[k], HasDensity)

    def _scored(self, predictions, weights):
        y = self.steps.y
        if self.steps.data.task == "regression":
            scales = noise_scales(predictions, y, weights, self.steps.min_scale)
            return log_prob(predictions, y, scales), scales
        temperatures = find_temperatures(predictions, y, weights)
        return log_prob(temper(predictions, temperatures), y), temperatures

    def _cross_fit(self, experts, weights, *, scoring=False):
        return cross_fit(
            [self.steps.models[k] for k in experts],
            self.steps.data,
            self.folds,
            weights,
            seeds=[self.steps.seeds[k] for k in experts],
            n_jobs=self.steps.n_jobs,
            scoring=scoring,
        )
