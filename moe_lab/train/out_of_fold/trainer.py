"""Out of fold: experts cross-fitted, stackers and gate fitted to what they say of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moe_lab.experts.base import is_stacker
from moe_lab.experts.pools import SLOW
from moe_lab.experts.spec import as_experts, listed
from moe_lab.gate.base import Gate, ask_gate, gates
from moe_lab.gate.powers import FitsPooled, IsAnchored
from moe_lab.likelihood.outcome import log_prob, noise_floor, noise_scales
from moe_lab.pool.base import Pooler, as_pooler
from moe_lab.pool.linear import LinearPooler
from moe_lab.pool.powers import Learns
from moe_lab.registry.powers import has_power, names_with
from moe_lab.train.base import Asked, Trained, Trainer, is_auto, trainers
from moe_lab.train.density import ScaleMixture
from moe_lab.train.out_of_fold.account import account_of
from moe_lab.train.out_of_fold.candidates import Candidates
from moe_lab.train.out_of_fold.cost import costs
from moe_lab.train.out_of_fold.drift import warn_of_drift
from moe_lab.train.out_of_fold.level_two import answer_held_out, fit_gate, fit_pool, fit_stack
from moe_lab.train.out_of_fold.report import Report

if TYPE_CHECKING:
    from moe_lab.table.data import TrainingData


@trainers.register("out_of_fold")
class OutOfFold(Trainer):
    """Cross-fit different experts, refit them on all rows, fit the gate on their held-out
    predictions.

    The gate minimises the log-loss (classification) or squared error (regression) of the linear
    pool, whatever the pooler; a pooler that learns is fitted after it. In regression a second
    gate, ``density_gate_``, serves the density around the pooled mean. The log-likelihood of the
    one round in ``history`` is held out: that of the stack where gate and pool start at one, of
    the stackers where some are listed, else that of the linear pool.

    With ``gate="auto"``, different experts and no divider this is the default mixture: an
    `anchored` gate starts at the weights of a stack of the experts, and the `learned` pool
    calibrates and corrects. ``pool="linear"`` does neither; so does "auto" where a stacker is
    listed. A time limit lets `tabm`, strong but slow, join ``experts="auto"``.

    Parameters
    ----------
    cv : int, splitter or list of (train, test) splits, default=3
        Folds; of a number: contiguous in the order of the rows, or by group.
    min_scale : float, default=0.03
        Least noise scale of an expert, in standard deviations of y.
    """

    takes_reading = True
    shrinks = True
    stacks = True

    def __init__(self, cv: Any = 3, min_scale: float = 0.03):
        self.cv = cv
        self.min_scale = min_scale

    def auto(
        self,
        asked: Asked,
        *,
        task: str,
        n_samples: int | None = None,
        n_classes: int | None = None,
        divided: bool = False,
        time_limit: float | None = None,
    ) -> Asked:
        free, any_pool = is_auto(asked.gate) and not divided, is_auto(asked.pool)
        slow = is_auto(asked.experts) and time_limit
        asked = super().auto(asked, task=task, n_samples=n_samples, n_classes=n_classes)
        if slow and SLOW not in asked.experts:
            asked = asked._replace(experts=[*asked.experts, SLOW])
        pooler = as_pooler(asked.pool, task)
        sums = isinstance(pooler, LinearPooler) or has_power(pooler, Learns)
        if not (free and sums and listed(asked.experts)):
            return asked
        experts = as_experts(asked.experts, task, asked.n_experts)
        if len({id(expert) for expert in experts}) == 1:  # nothing to tell apart
            return asked
        if any_pool and not any(is_stacker(expert) for expert in experts):
            asked = asked._replace(pool="learned")
        return asked._replace(gate="anchored")

    def train(
        self,
        data: TrainingData,
        *,
        experts: list,
        gate: Gate,
        pool: Pooler,
        divide: Callable | None,
        seeds: list[int],
        n_jobs: int | None,
        verbose: int,
        names: list[str] | None = None,
        time_limit: float | None = None,
        shrink: bool = False,
    ) -> Trained:
        _check_gate(gate)
        candidates = self._candidates(data, experts, divide, names, seeds, n_jobs, verbose)
        data, report = candidates.data, candidates.report
        candidates.cross_fit(time_limit, forgiving=shrink)
        warn_of_drift(candidates, self.cv)
        if shrink:
            candidates.drop_idle()
        fitted = candidates.refit(forgiving=shrink)
        stackers, said = candidates.fit_stackers(cross_fitted=not has_power(gate, IsAnchored))
        predictions = np.concatenate([candidates.predictions, said], axis=1)
        stack = fit_stack(gate, pool, data, predictions, report)
        with report.step("gate", type(gate).__name__, fits=1):
            gate = fit_gate(gate, data, predictions, stackers, stack)
        weights = ask_gate(gate, data.X, predictions)
        pool = fit_pool(pool, data, predictions, weights, stack, seeds[-1], report)
        kept = candidates.plain + candidates.stackers
        trained = Trained(fitted + stackers, gate, pool, None, kept=kept)
        held_out = answer_held_out(pool, gate, data, predictions, weights, stackers, stack)
        self._score(trained, data, predictions, held_out, report)
        trained.report = report.table()
        trained.account = account_of(data, predictions, weights, held_out, pool)
        trained.account.seconds = report.seconds([candidates.names[k] for k in kept])
        trained.account.dropped = candidates.dropped
        return trained

    def estimate(self, data: TrainingData, **parts: Any) -> pd.Series:
        told = [parts[name] for name in ("experts", "divide", "names", "seeds")]
        candidates = self._candidates(data, *told)
        seconds = costs(candidates)
        told = [seconds.get(k, np.nan) for k in candidates.plain]
        names = [candidates.names[k] for k in candidates.plain]
        return pd.Series(told, index=names, name="seconds", dtype=float)

    def _candidates(self, data, experts, divide, names, seeds, n_jobs=None, verbose=0):
        data = data.read()
        parts = np.ones((len(data), len(experts))) if divide is None else divide(seeds[0])
        return Candidates(
            data,
            experts,
            weights=data.sample_weight[:, None] * parts,
            folds=data.folds(self.cv),
            seeds=seeds[: len(experts)],
            n_jobs=n_jobs,
            verbose=verbose,
            names=names or [f"expert {k}" for k in range(len(experts))],
            report=Report(),
        )

    def _score(self, trained, data, predictions, answer, report):
        """Add what held-out rows say of a pooled answer, (n_samples, n_outputs): its
        log-likelihood, noise scales and the density's gate."""
        honest = ~np.isnan(predictions).any(axis=(0, 2))
        if data.task == "classification":
            log_prob_of_rows = log_prob(answer[:, None], data.y)[:, 0]
        else:
            mean = answer[:, 0]
            with report.step("density", "scale mixture", fits=1):
                density = ScaleMixture(honest)
                density.fit(data.X, predictions, mean, data.y, data.sample_weight)
            log_prob_of_rows = density.log_prob(data.X, predictions, mean, data.y)
            trained.scales = self._noise_scales(data, predictions[:, honest], mean, honest)
            trained.density_gate = density
        log_likelihood = data.sample_weight @ log_prob_of_rows
        trained.history = pd.DataFrame({"log_likelihood": [log_likelihood]})

    def _noise_scales(self, data, told, mean, honest):
        """Return each expert's noise scale; that of the mean where nothing is held out."""
        y, weight = data.y, data.sample_weight
        least = noise_floor(y, weight, self.min_scale)
        scales = np.empty(len(honest))
        scales[~honest] = noise_scales(mean[:, None, None], y, weight[:, None], least)[0]
        scales[honest] = noise_scales(told, y, weight[:, None], least)
        return scales


def _check_gate(gate):
    if not has_power(gate, FitsPooled):
        able = names_with(FitsPooled, gates)
        raise ValueError(
            f"train='out_of_fold' needs a gate with fit_pooled, got {gate!r}. Those that have "
            f"it: {', '.join(able)}."
        )
