"""Expectation-maximisation: gate and experts trained together on the mixture likelihood."""

import warnings
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.divide.base import as_divider
from moe_lab.fitting import (
    cross_fit,
    fit_expert,
    log_prob,
    noise_scales,
    progress,
    standard_deviation,
)
from moe_lab.folds import folds_or_in_sample
from moe_lab.table import Prepared
from moe_lab.train.base import Trained, Trainer, trainers

DEAD = 1e-6  # an expert with less than this share of all weight is dropped
SHORT = 10  # rounds of each start before the best one is continued


@trainers.register("em")
class EM(Trainer):
    """EM for mixtures of experts (Jordan & Jacobs, 1994).

    Parametric experts (linear ones) are scored on the rows they were fitted to, as in the textbook.
    For flexible experts that would lock EM to its start, since their residuals vanish wherever they
    were trusted: they are scored out of fold, and the round with the best likelihood is kept.

    Parameters
    ----------
    max_iter : int, optional
        Rounds at most; default 200 where all experts are parametric, else 10.
    tol : float, default=1e-6
        Stop when the log-likelihood per row (nats) changes by less.
    n_init : int, optional
        Starts; default 10 where all experts are parametric, else 1. Each start gets a short run,
        then the best one is continued.
    cv : int, default=3
        Folds by which flexible experts are scored.
    min_scale : float, default=1e-3
        Least noise scale of an expert, in standard deviations of y.
    """

    def __init__(self, max_iter=None, tol=1e-6, n_init=None, cv=3, min_scale=1e-3):
        self.max_iter = max_iter
        self.tol = tol
        self.n_init = n_init
        self.cv = cv
        self.min_scale = min_scale

    def train(
        self,
        X,
        y,
        *,
        experts,
        gate,
        divide,
        task,
        n_classes,
        sample_weight,
        groups,
        seeds,
        n_jobs,
        verbose,
    ):
        data = _Data(X, y, sample_weight, task, n_classes, seeds, n_jobs)
        data.prepare(experts, self.min_scale)
        data.prepare_gate(gate)
        if not all(data.parametric):
            data.folds = folds_or_in_sample(y, task=task, cv=self.cv, groups=groups)
        n_init = self.n_init or (10 if all(data.parametric) else 1)
        max_iter = self.max_iter or (200 if all(data.parametric) else 10)
        start = divide or _random_start(data, len(experts))
        starts = np.random.default_rng(seeds[0]).integers(2**31, size=n_init)

        rounds = []
        run = None
        for number, seed in enumerate(progress(starts, "EM starts", verbose)):
            first = _State(np.arange(len(experts)), start(int(seed)))
            short = self._run(
                data, first, min(SHORT, max_iter) if n_init > 1 else max_iter, rounds, number
            )
            if run is None or short.log_likelihood > run.log_likelihood:
                run, best = short, number
        if n_init > 1 and max_iter > SHORT and not run.converged:
            run = self._run(data, run, max_iter - SHORT, rounds, best)
        if all(data.parametric) and not run.converged and max_iter > 1:
            warnings.warn(
                f"EM stopped after max_iter={max_iter} rounds before the log-likelihood per row "
                f"changed by less than tol={self.tol}. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return Trained(data.finish(run), run.gate, pd.DataFrame(rounds), run.scales)

    def _run(self, data, state, max_iter, rounds, start):
        """Alternate M-steps and E-steps; return the last state, or the best where scores are out of
        fold."""
        best, previous = None, -np.inf
        for _ in range(max_iter):
            state = _drop_dead(data, state)
            state = _m_step(data, state)
            state.responsibilities, state.log_likelihood = e_step(
                state.log_gate, state.log_lik, data.weight
            )
            rounds.append(_record(state, data, start))
            if best is None or all(data.parametric) or state.log_likelihood > best.log_likelihood:
                best = state
            best.converged = abs(state.log_likelihood - previous) < self.tol * data.weight.sum()
            if best.converged:
                break
            previous = state.log_likelihood
        return best


def e_step(log_gate, log_lik, sample_weight=None):
    """Compute the responsibilities: how well each expert explains each target.

    Parameters
    ----------
    log_gate : ndarray of shape (n_samples, n_experts)
        Log gate weights; each row's `exp` sums to 1.
    log_lik : ndarray of shape (n_samples, n_experts)
        Log-likelihood of `y` under each expert, in nats. Where it is -inf under all of them, the
        gate decides.
    sample_weight : ndarray of shape (n_samples,), optional

    Returns
    -------
    responsibilities : ndarray of shape (n_samples, n_experts)
        Each row sums to 1.
    log_likelihood : float
        Log-likelihood of the whole mixture in nats, summed over samples.

    References
    ----------
    Jordan & Jacobs (1994), Eq. 21.

    Examples
    --------
    >>> responsibilities, _ = e_step(np.log([[0.5, 0.5]]), np.log([[0.8, 0.2]]))
    >>> responsibilities.round(2)
    array([[0.8, 0.2]])
    """
    joint = log_gate + log_lik
    row_log_lik = logsumexp(joint, axis=1)
    known = np.isfinite(row_log_lik)
    log_resp = np.where(
        known[:, None], joint - np.where(known, row_log_lik, 0.0)[:, None], log_gate
    )
    weighted = row_log_lik if sample_weight is None else sample_weight * row_log_lik
    return np.exp(log_resp), float(weighted.sum())


@dataclass
class _State:
    """One round: whose turn it is, what they were fitted to, and how well they did."""

    alive: np.ndarray  # indices of the experts still in the mixture
    responsibilities: np.ndarray
    gate: object | None = None
    fitted_to: np.ndarray | None = None  # the responsibilities of the M-step
    models: list | None = None
    scales: np.ndarray | None = None
    log_gate: np.ndarray | None = None
    log_lik: np.ndarray | None = None
    log_likelihood: float = -np.inf
    converged: bool = False


class _Data:
    """The table, prepared once, and the unfitted experts."""

    def __init__(self, X, y, weight, task, n_classes, seeds, n_jobs):
        self.X, self.y, self.weight = X, y, weight
        self.task, self.n_classes, self.seeds, self.n_jobs = task, n_classes, seeds, n_jobs
        self.folds = None

    def prepare(self, experts, min_scale):
        """Split each parametric expert into its table, fitted once and shared by equals, and its
        model."""
        self.experts = experts
        self.parametric = [getattr(expert, "parametric", False) for expert in experts]
        if self.task == "regression":
            self.min_scale = min_scale * standard_deviation(self.y, self.weight)
        shared = {}
        self.tables, self.models, self.inputs = [], [], []
        for expert, parametric in zip(experts, self.parametric, strict=True):
            split = parametric and isinstance(expert, Prepared)
            table, model, Z = None, clone(expert.model if split else expert), self.X
            if split:
                if repr(expert.table) not in shared:
                    table = clone(expert.table).fit(self.X, sample_weight=self.weight)
                    shared[repr(expert.table)] = table, table.transform(self.X)
                table, Z = shared[repr(expert.table)]
            if "min_scale" in model.get_params():
                model.set_params(min_scale=self.min_scale)
            self.tables.append(table)
            self.models.append(model)
            self.inputs.append(Z)

    def prepare_gate(self, gate):
        """Make the features of a linear gate once, for all rounds."""
        self.gate = clone(gate)
        self.features = self.gate.learn_features(self.X, self.weight)

    def fit_gate(self, responsibilities, previous):
        """Return a gate fitted to the responsibilities, and its log weights."""
        gate = copy(self.gate)
        gate.fit_features(self.features, responsibilities, self.weight, start=previous)
        return gate, gate.log_proba_features(self.features)

    def finish(self, state):
        """Return the fitted experts: prepared tables put back, flexible experts refitted on all
        rows."""
        finished = []
        for j, k in enumerate(state.alive):
            if not self.parametric[k]:
                part = state.fitted_to[:, j] * self.weight
                fitted = fit_expert(
                    self.models[k], self.X, self.y, part, task=self.task, random_state=self.seeds[k]
                )
            elif self.tables[k] is None:
                fitted = state.models[j]
            else:
                fitted = Prepared.of_fitted(self.tables[k], state.models[j])
            finished.append(fitted)
        return finished


def _m_step(data, state):
    """Fit every expert and the gate to the responsibilities; score the experts."""
    resp = state.responsibilities
    log_lik = np.empty(resp.shape)
    models, scales = [None] * len(state.alive), np.full(len(state.alive), np.nan)
    flexible = [j for j, k in enumerate(state.alive) if not data.parametric[k]]
    for j, k in enumerate(state.alive):
        if data.parametric[k]:
            models[j] = fit_expert(
                data.models[k], data.inputs[k], data.y, resp[:, j] * data.weight, task=data.task
            )
            log_lik[:, j] = models[j].log_prob(data.inputs[k], data.y)
            scales[j] = getattr(models[j], "scale_", np.nan)
    if flexible:
        log_lik[:, flexible], scales[flexible] = _out_of_fold_log_lik(data, state, flexible)
    gate, log_gate = data.fit_gate(resp, state.gate)
    scales = scales if data.task == "regression" else None
    return _State(state.alive, resp, gate, resp, models, scales, log_gate, log_lik)


def _out_of_fold_log_lik(data, state, columns):
    """Score flexible experts on rows they did not see; their noise scales come from the same
    rows."""
    experts = state.alive[columns]
    weights = state.responsibilities[:, columns] * data.weight[:, None]
    predictions = cross_fit(
        [data.models[k] for k in experts],
        data.X,
        data.y,
        data.folds,
        weights,
        task=data.task,
        n_classes=data.n_classes,
        seeds=[data.seeds[k] for k in experts],
        n_jobs=data.n_jobs,
    )
    if data.task == "classification":
        return log_prob(predictions, data.y), np.nan
    scales = noise_scales(predictions, data.y, weights, data.min_scale)
    return log_prob(predictions, data.y, scales), scales


def _drop_dead(data, state):
    """Drop experts that no row trusts any more, and say so."""
    mass = data.weight @ state.responsibilities
    alive = mass > DEAD * mass.sum()
    if alive.all():
        return state
    warnings.warn(
        f"{np.sum(~alive)} of {len(alive)} experts lost all their rows and were dropped. "
        "Use fewer experts, more starts (n_init) or another divide.",
        ConvergenceWarning,
        stacklevel=6,
    )
    resp = state.responsibilities[:, alive]
    return _State(state.alive[alive], resp / resp.sum(axis=1, keepdims=True))


def _record(state, data, start):
    part = state.responsibilities * data.weight[:, None]
    size = part.sum(axis=0) ** 2 / (part**2).sum(axis=0)
    sizes = {f"effective_size_{k}": s for k, s in zip(state.alive, size, strict=True)}
    return {"log_likelihood": state.log_likelihood, "start": start, **sizes}


def _random_start(data, n_experts):
    divider = as_divider("random")
    return lambda seed: divider.divide(
        data.X, data.y, n_experts=n_experts, sample_weight=data.weight, random_state=seed
    )
