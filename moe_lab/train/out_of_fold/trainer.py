"""Out of fold: experts cross-fitted, stackers and gate fitted to what they say of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from moe_lab.experts.base import is_stacker
from moe_lab.experts.pools import SLOW
from moe_lab.experts.powers import Parametric
from moe_lab.experts.spec import as_experts, listed
from moe_lab.gate.base import Gate, ask_gate, gates
from moe_lab.gate.powers import FitsPooled, IsAnchored
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.outcome import log_prob, noise_floor, noise_scales
from moe_lab.pool.base import Pooler, as_pooler
from moe_lab.pool.linear import LinearPooler
from moe_lab.registry.powers import has_power, names_with
from moe_lab.train.base import Asked, Trained, Trainer, is_auto, trainers
from moe_lab.train.density import ScaleMixture
from moe_lab.train.out_of_fold.candidates import Candidates
from moe_lab.train.out_of_fold.cost import costs
from moe_lab.train.out_of_fold.drift import warn_of_drift
from moe_lab.train.out_of_fold.report import Report

if TYPE_CHECKING:
    from moe_lab.table.data import TrainingData

STACKERS = ["stacker", "residual_stacker"]  # what joins the experts of the default mixture
PLAIN_SHARE = 0.2  # of what the residual stacker leaves: where the anchor trusts no stacker
RESIDUAL_SHARE = {"regression": 0.5, "classification": 1.0}


@trainers.register("out_of_fold")
class OutOfFold(Trainer):
    """Cross-fit different experts, refit them on all rows, fit the gate on their held-out
    predictions.

    The gate minimises the log-loss (classification) or squared error (regression) of the linear
    pool, whatever the pooler. In regression a second gate, ``density_gate_``, serves the density
    around the pooled mean. The log-likelihood of the one round in ``history`` is held out: that of
    the stackers where there are some, else that of the linear pool.

    With ``gate="auto"``, different experts, a linear pool and no divider this is the default
    mixture: `stacker` and `residual_stacker` join the experts, and an `anchored` gate starts at
    their weights. A time limit lets `tabm`, strong but slow, join ``experts="auto"``.

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
        free, slow = is_auto(asked.gate) and not divided, is_auto(asked.experts) and time_limit
        asked = super().auto(asked, task=task, n_samples=n_samples, n_classes=n_classes)
        if slow and SLOW not in asked.experts:
            asked = asked._replace(experts=[*asked.experts, SLOW])
        linear = isinstance(as_pooler(asked.pool, task), LinearPooler)
        if not (free and linear and listed(asked.experts)):
            return asked
        experts = as_experts(asked.experts, task, asked.n_experts)
        if len({id(expert) for expert in experts}) == 1:  # nothing to stack
            return asked
        if not any(is_stacker(expert) for expert in experts):
            experts += as_experts(STACKERS, task)
        return asked._replace(experts=experts, n_experts=None, gate="anchored")

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
        with report.step("gate", type(gate).__name__, fits=1):
            gate = _fit_gate(gate, data, predictions, fitted, stackers)
        kept = candidates.plain + candidates.stackers
        trained = Trained(fitted + stackers, gate, clone(pool), None, kept=kept)
        weights = _weights_of_scores(gate, data.X, predictions, fitted, stackers)
        self._score(trained, data, predictions, weights, report)
        trained.report = report.table()
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
            seeds=seeds,
            n_jobs=n_jobs,
            verbose=verbose,
            names=names or [f"expert {k}" for k in range(len(experts))],
            report=Report(),
        )

    def _score(self, trained, data, predictions, weights, report):
        """Add what held-out rows say: the log-likelihood, noise scales and the density's gate."""
        honest = ~np.isnan(predictions).any(axis=(0, 2))
        weights, told = weights[:, honest], predictions[:, honest]
        if data.task == "classification":
            with np.errstate(divide="ignore"):
                log_gate = np.log(weights)
            _, log_likelihood = e_step(log_gate, log_prob(told, data.y), data.sample_weight)
        else:
            mean = np.einsum("nk,nk->n", weights, told[:, :, 0])
            with report.step("density", "scale mixture", fits=1):
                density = ScaleMixture(honest)
                density.fit(data.X, predictions, mean, data.y, data.sample_weight)
            log_prob_of_rows = density.log_prob(data.X, predictions, mean, data.y)
            log_likelihood = data.sample_weight @ log_prob_of_rows
            trained.scales = self._noise_scales(data, told, mean, honest)
            trained.density_gate = density
        trained.history = pd.DataFrame({"log_likelihood": [log_likelihood]})

    def _noise_scales(self, data, told, mean, honest):
        """Return each expert's noise scale; that of the mean where nothing is held out."""
        y, weight = data.y, data.sample_weight
        least = noise_floor(y, weight, self.min_scale)
        scales = np.empty(len(honest))
        scales[~honest] = noise_scales(mean[:, None, None], y, weight[:, None], least)[0]
        scales[honest] = noise_scales(told, y, weight[:, None], least)
        return scales


def _fit_gate(gate, data, predictions, plain, stackers):
    gate = clone(gate)
    if has_power(gate, IsAnchored) and gate.anchor is None:
        gate.set_params(anchor=_anchor(len(plain), stackers, data.task))
    loss = "squared_error" if data.task == "regression" else "log_loss"
    gate.fit_pooled(data.for_(gate), predictions, data.y, loss, sample_weight=data.sample_weight)
    return gate


def _weights_of_scores(gate, X, predictions, plain, stackers):
    """Return the weights by which held-out rows are scored, (n_samples, n_experts)."""
    if not has_power(gate, IsAnchored):
        return ask_gate(gate, X, predictions)
    return np.broadcast_to(_of_stackers(plain, stackers), predictions.shape[:2])


def _anchor(n_plain, stackers, task):
    """Return the weights at which an anchored gate starts, (n_experts,), or None for its own.

    The boosted residual has a fixed share; `stacker` and its kind the most of the rest.
    """
    if not stackers:
        return None
    flexible = ~_parametric(stackers)
    share = RESIDUAL_SHARE[task] if flexible.any() else 0.0
    plain_share = PLAIN_SHARE if not flexible.all() else 1.0
    anchor = np.full(n_plain + len(stackers), (1 - share) * plain_share / n_plain)
    of_stackers = anchor[n_plain:]
    of_stackers[flexible] = share / max(flexible.sum(), 1)
    of_stackers[~flexible] = (1 - share) * (1 - plain_share) / max((~flexible).sum(), 1)
    return anchor


def _of_stackers(plain, stackers):
    """Return equal weights for the stackers that were scored in sample, (n_experts,); where there
    are none, for the plain experts."""
    chosen = np.append(np.zeros(len(plain), dtype=bool), _parametric(stackers))
    if not chosen.any():
        chosen = np.append(np.ones(len(plain), dtype=bool), np.zeros(len(stackers), dtype=bool))
    return chosen / chosen.sum()


def _parametric(stackers):
    return np.array([has_power(stacker, Parametric) for stacker in stackers], dtype=bool)


def _check_gate(gate):
    if not has_power(gate, FitsPooled):
        able = names_with(FitsPooled, gates)
        raise ValueError(
            f"train='out_of_fold' needs a gate with fit_pooled, got {gate!r}. Those that have "
            f"it: {', '.join(able)}."
        )
