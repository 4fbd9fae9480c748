"""The two steps of EM, on a table that is prepared once."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from moe_lab.experts import powers as of_experts
from moe_lab.experts.fitting import fit_expert
from moe_lab.experts.tempered import Tempered
from moe_lab.gate import powers as of_gates
from moe_lab.likelihood.arrays import blocks
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.outcome import noise_floor, unit_of
from moe_lab.registry.powers import has_power
from moe_lab.table import Prepared, rows_of, share_table
from moe_lab.table.inputs import count_distinct
from moe_lab.train.em.held_out import HeldOut
from moe_lab.train.em.sharpness import is_open, modest_C

if TYPE_CHECKING:
    from moe_lab.gate.base import Gate
    from moe_lab.table.data import TrainingData

DEAD = 1e-6  # an expert with less than this share of all weight is dropped


@dataclass
class Parts:
    """Gate and experts after an M-step."""

    alive: np.ndarray  # numbers of the experts still in the mixture
    gate: Any
    models: list  # None where the expert is flexible
    scales: np.ndarray  # noise scales; the temperatures of flexible classifiers
    fitted_to: np.ndarray | None  # the responsibilities, where a part is refitted at the end
    held_out: Any  # log-likelihood under the flexible experts, out of fold
    log_gate: np.ndarray | None  # out of fold, where the gate is flexible


class EMSteps:
    """The table, prepared once, with the unfitted experts and gate.

    Parametric parts are fitted to features made once and scored on the rows they were fitted to;
    flexible ones read the table and are scored out of fold.
    """

    def __init__(
        self,
        data: TrainingData,
        *,
        experts: list,
        gate: Gate,
        seeds: list[int],
        n_jobs: int | None,
        cv: Any,
        min_scale: float,
    ):
        self.data, self.seeds, self.n_jobs = data.read(), seeds, n_jobs
        self.y, self.weight, self.total = data.y, data.sample_weight, data.sample_weight.sum()
        _check_distinct(data.X, data.y, len(experts))
        self.n_rows = self.total / (2 * len(experts) - 1)  # for each expert and each gate score
        self.min_scale, self.unit = None, None
        if data.task == "regression":
            self.unit = unit_of(self.y, self.weight)
            self.min_scale = min_scale and noise_floor(self.y, self.weight, min_scale)
        self._prepare_experts(experts)
        self.gate = clone(gate)
        self.features = self.gate.learn_features(self.data.for_(gate), self.weight)
        self.exact = all(self.parametric) and has_power(gate, of_gates.Parametric)
        if self.exact and is_open(gate):
            self.gate.C = modest_C(self.features.shape[1], self.n_rows)
        if not self.exact:
            self.held_out = HeldOut(self, data.folds(cv))

    def _prepare_experts(self, experts):
        """Split each parametric expert into its table and its model."""
        self.experts = experts
        self.parametric = [has_power(expert, of_experts.Parametric) for expert in experts]
        self.tables, self.models, self.inputs = [], [], []
        for expert, parametric in zip(experts, self.parametric, strict=True):
            split = parametric and isinstance(expert, Prepared)
            table, model = None, clone(expert.model if split else expert)
            Z = self.data.for_(model)
            if split:
                table, Z = share_table(expert.table, self.data.X, self.weight)
            known = model.get_params()
            settings = {"min_scale": self.min_scale, "prior_scale": self.unit, "warm_start": True}
            settings["n_rows"] = self.n_rows
            model.set_params(**{name: settings[name] for name in settings if name in known})
            self.tables.append(table)
            self.models.append(model)
            self.inputs.append(Z)

    def m_step(self, responsibilities: np.ndarray, previous: Parts | None = None) -> Parts:
        """Fit gate and experts to the responsibilities; drop experts that no row trusts any more.

        Parameters
        ----------
        responsibilities : ndarray of shape (n_samples, n_alive)
            A column for each living expert of ``previous``; without it for every expert.
        previous : Parts, optional
            Those of the round before, to start from.

        Returns
        -------
        parts : Parts
        """
        alive, responsibilities, previous = self._alive(responsibilities, previous)
        models, scales = [None] * len(alive), np.full(len(alive), np.nan)
        for j, k in enumerate(alive):
            if self.parametric[k]:
                last = None if previous is None else previous.models[j]
                models[j] = self._fit_model(k, responsibilities[:, j], last)
                scales[j] = scale_of(models[j])
        flexible = [j for j, k in enumerate(alive) if not self.parametric[k]]
        held_out = None
        if flexible:
            held_out, scales[flexible] = self.held_out.score_experts(
                alive[flexible], responsibilities[:, flexible]
            )
        gate, log_gate = self._fit_gate(alive, responsibilities, previous)
        fitted_to = None if self.exact else responsibilities
        return Parts(alive, gate, models, scales, fitted_to, held_out, log_gate)

    def living(self, responsibilities: np.ndarray) -> np.ndarray:
        """Say which experts have a share of the rows, (n_alive,)."""
        mass = self.weight @ responsibilities
        return mass > DEAD * mass.sum()

    def _alive(self, responsibilities, previous):
        """Return the living experts' numbers, what is theirs, and the parts to start from."""
        alive = np.arange(responsibilities.shape[1]) if previous is None else previous.alive
        kept = self.living(responsibilities)
        if kept.all():
            return alive, responsibilities, previous
        rest = responsibilities[:, kept]
        share = rest.sum(axis=1, keepdims=True)
        rest = np.where(share > 0, rest / np.where(share > 0, share, 1.0), 1 / kept.sum())
        return alive[kept], rest, None

    def _fit_model(self, k, responsibilities, last):
        model = self.models[k]
        warm = last is not None and has_power(model, of_experts.WarmStarts)
        part = responsibilities * self.weight
        return (copy(last) if warm else clone(model)).fit(
            self.inputs[k], self.y, sample_weight=part
        )

    def _fit_gate(self, alive, responsibilities, previous):
        unfitted = self._unfitted_gate(alive)
        if has_power(unfitted, of_gates.Parametric):
            start = None if previous is None else previous.gate
            gate = copy(unfitted)
            return gate.fit_features(self.features, responsibilities, self.weight, start), None
        return unfitted, self.held_out.score_gate(unfitted, responsibilities)

    def _unfitted_gate(self, alive):
        dropped = np.setdiff1d(np.arange(len(self.experts)), alive)
        if len(dropped) and has_power(self.gate, of_gates.DropsExperts):
            return self.gate.without(dropped, len(self.experts))
        return self.gate

    def e_step(self, parts: Parts) -> tuple[np.ndarray, float]:
        """Return the responsibilities, (n_samples, n_alive), and the log-likelihood in nats."""
        responsibilities = np.empty((len(self.y), len(parts.alive)), order="F")
        total = 0.0
        for rows in self.blocks(parts):
            responsibilities[rows], log_likelihood = self.e_step_of(rows, parts)
            total += log_likelihood
        return responsibilities, total

    def blocks(self, parts: Parts) -> Iterator[slice]:
        """Cut the rows so that the arrays of an E-step stay in the cache."""
        return blocks(len(self.y), 2 * len(parts.alive))

    def e_step_of(self, rows: slice, parts: Parts) -> tuple[np.ndarray, float]:
        """The E-step of some rows, a slice."""
        log_lik = np.empty((len(self.y[rows]), len(parts.alive)), order="F")
        flexible = 0
        for j, k in enumerate(parts.alive):
            if self.parametric[k]:
                log_lik[:, j] = parts.models[j].log_prob(
                    rows_of(self.inputs[k], rows), self.y[rows]
                )
            else:
                log_lik[:, j] = parts.held_out[rows, flexible]
                flexible += 1
        if parts.log_gate is None:
            log_gate = parts.gate.log_proba_features(rows_of(self.features, rows))
        else:
            log_gate = parts.log_gate[rows]
        return e_step(log_gate, log_lik, self.weight[rows], overwrite=True)

    def log_prior(self, parts: Parts) -> float:
        """Return what the M-step adds to the log-likelihood: minus the penalties, and the log
        density of the input where the gate has one; in nats."""
        total = sum(map(_log_prior_of, parts.models))
        if parts.log_gate is None:
            total += parts.gate.log_prior_
            if has_power(parts.gate, of_gates.HasDensity):
                total += sum(
                    self.weight[rows] @ parts.gate.log_density(rows_of(self.features, rows))
                    for rows in self.blocks(parts)
                )
        return float(total)

    def finish(self, parts: Parts) -> tuple[list, Gate]:
        """Return the fitted experts and gate; flexible ones are refitted on all rows."""
        gate = parts.gate
        if self.exact:
            self._learn_spreads(parts)
        if parts.log_gate is not None:
            gate = clone(gate).fit(self.data.for_(gate), parts.fitted_to, self.weight)
        return [self._finished(parts, j, k) for j, k in enumerate(parts.alive)], gate

    def _learn_spreads(self, parts):
        """Let experts that a quasi-Newton run moved learn how uncertain they are."""
        responsibilities = self.e_step(parts)[0]
        for j, k in enumerate(parts.alive):
            if has_power(parts.models[j], of_experts.LearnsSpread):
                part = responsibilities[:, j] * self.weight
                parts.models[j].learn_spread(self.inputs[k], self.y, part)

    def _finished(self, parts, j, k):
        if not self.parametric[k]:
            part = parts.fitted_to[:, j] * self.weight
            fitted = fit_expert(
                self.models[k],
                self.data.X,
                self.y,
                part,
                task=self.data.task,
                random_state=self.seeds[k],
            )
            if self.data.task == "regression":
                return fitted
            return Tempered(fitted, parts.scales[j], self.data.n_classes)
        if self.tables[k] is None:
            return parts.models[j]
        return Prepared.of_fitted(self.tables[k], parts.models[j])


def _log_prior_of(model):
    return model.log_prior_ if has_power(model, of_experts.HasPrior) else 0.0


def scale_of(model: Any) -> float:
    """Return the noise scale that a fitted model has, else NaN."""
    return model.scale_ if has_power(model, of_experts.HasScale) else np.nan


def _check_distinct(X, y, n_experts):
    distinct = count_distinct(X, y, enough=n_experts)
    if distinct < n_experts:
        raise ValueError(
            f"n_experts must be at most the number of distinct rows, got n_experts={n_experts} and "
            f"{distinct} distinct rows of X and y. Use fewer experts."
        )
