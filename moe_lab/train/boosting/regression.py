"""Boosting a number: experts around one mean, and a gate over their noise scales."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from moe_lab.likelihood.outcome import LEAST_SCALE, gaussian_log_density, unit_of
from moe_lab.progress import progress
from moe_lab.train.boosting.lockstep import GaussianExperts
from moe_lab.train.boosting.parts import BoostedRegressor
from moe_lab.train.boosting.run import BoostingRun, warn_alone
from moe_lab.train.boosting.start import fit_ladder, fit_shares, soften

if TYPE_CHECKING:
    from moe_lab.train.base import Trained

FAR = 1e4  # middle halves away from the median: such a target rules every squared error


class RegressionRun(BoostingRun):
    """Grows experts of a number, and a gate over their noise scales."""

    def _in_units(self, data):
        _warn_of_outliers(data.y)
        self.centre = float(np.average(data.y, weights=data.sample_weight))
        self.unit = unit_of(data.y, data.sample_weight)
        return replace(data, y=(data.y - self.centre) / self.unit)

    def trained(self, n_experts: int, start: np.ndarray | None) -> Trained:
        folds, weight = self.data.folds(self.trainer.cv), self.data.sample_weight
        trunk = self._trunk(self.rows, self.features, folds)
        least = max(self.trainer.min_scale, LEAST_SCALE)  # in units of y
        residuals = self.data.y - trunk.out_of_fold[:, 0]
        overall = max(np.sqrt(np.average(residuals**2, weights=weight)), least)
        one = gaussian_log_density(residuals, overall)
        if n_experts == 1 or self.interrupted:
            return self._alone(trunk, one, overall)
        log_base, scales = fit_ladder(residuals, weight, n_experts, least)
        if start is not None:
            start = soften(start)
            log_base, scales = fit_shares(residuals, weight, start, overall, least)

        def experts(rate):
            known = self.data.y, trunk.out_of_fold, weight
            return GaussianExperts(*known, scales=scales, least=least, rate=rate)

        gains = self._held_out(experts(0.0), log_base, start, folds) - weight @ one
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            if not self.interrupted:
                warn_alone(n_experts)
            return self._alone(trunk, one, overall)
        moving = experts(self.trainer.expert_rate)
        return self._grown(trunk, moving, log_base, start, gains[: best + 1])

    def _held_out(self, experts, log_base, start, folds):
        """Grow the gate alone on each fold together; return the log-likelihood of all held-out
        rows before the first round and after each."""
        every, total = [], 0.0
        for train, test in ((np.sort(train), np.sort(test)) for train, test in folds):
            part = None if start is None else start[train]
            rows = self.rows.subset(train).construct()
            lockstep = self._lockstep(rows, experts.of(train), log_base, part)
            lockstep.watch(self.rows.subset(test), experts.of(test))
            every.append(lockstep)
            total += lockstep.watched_log_likelihood()
        path = [total]
        with self._until_interrupted():
            for _ in progress(range(self.gate.n_estimators), "gate", self.verbose):
                for lockstep in every:
                    lockstep.grow()
                path.append(sum(lockstep.watched_log_likelihood() for lockstep in every))
                if len(path) - 1 - np.argmax(path) >= self.trainer.patience:
                    break
        return np.array(path)

    def _expert(self, trees, k):
        return BoostedRegressor(trees, k, centre=self.centre, unit=self.unit)

    def _trained(self, trees, gate, n_experts, history, scales):
        return super()._trained(trees, gate, n_experts, history, self.unit * scales)

    def _history(self, log_likelihoods, gains):
        """Per unit of the caller's y, too."""
        of_units = len(self.data) * np.log(self.unit)
        return super()._history(np.array(log_likelihoods) - of_units, gains)


def _warn_of_outliers(y):
    low, middle, high = np.quantile(y, [0.25, 0.5, 0.75])
    far = int(np.sum(np.abs(y - middle) > FAR * (high - low))) if high > low else 0
    if far:
        warnings.warn(
            f"y holds {far} values more than {FAR:g} times its middle half away from the median; "
            "they rule the squared error that the trunk is fitted to. Check them, or fit log(y).",
            stacklevel=5,
        )
