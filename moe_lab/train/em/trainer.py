"""Expectation-maximisation: gate and experts trained together on the mixture likelihood."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.divide.base import as_divider
from moe_lab.likelihood.e_step import E_STEPS, e_step
from moe_lab.likelihood.numbers import check_number
from moe_lab.train.base import Interrupted, Trained, Trainer, trainers
from moe_lab.train.em.history import History
from moe_lab.train.em.rounds import EMRounds
from moe_lab.train.em.sharpness import chosen_C, is_open
from moe_lab.train.em.starts import Starts
from moe_lab.train.em.steps import EMSteps

if TYPE_CHECKING:
    from moe_lab.gate.base import Gate
    from moe_lab.pool.base import Pooler
    from moe_lab.table.data import TrainingData

__all__ = ["EM", "e_step"]


@trainers.register("em")
class EM(Trainer):
    """EM for mixtures of experts (Jordan & Jacobs, 1994).

    Parametric parts (linear experts, a softmax gate) are scored on the rows they were fitted to, as
    in the textbook: the objective never drops, and its slow end is taken by a quasi-Newton method.
    For flexible parts that would lock EM to its start, since their residuals vanish wherever they
    were trusted: they are scored out of fold, and the round with the best likelihood is kept.

    Parameters
    ----------
    max_iter : int, optional
        Rounds at most; default 200 where all parts are parametric, else 10.
    tol : float, default=1e-6
        Stop when the objective per row (nats) changes by less.
    n_init : int, optional
        Starts; default 10 where all parts are parametric, 4 where all experts are (tree and boosted
        gates), else 1. Each gets a short run, of parametric parts the better third a longer one,
        and the best is continued.
    e_step : {"soft", "hard", "stochastic"}, default="soft"
        Responsibilities as they are (EM), all to the best expert (CEM), or drawn (SEM, which keeps
        its best round).
    n_draws : int, default=1
        Draws whose mean a stochastic E-step takes.
    cv : int, splitter or list of (train, test) splits, default=3
        Folds by which flexible parts are scored.
    min_scale : float, default=1e-3
        Least noise scale of an expert, in standard deviations of the middle half of y, which a few
        outliers do not move; a warning says where it binds.
    quasi_newton : bool, default=True
        End a soft EM of parametric parts by L-BFGS on all parameters at once.

    References
    ----------
    Celeux & Govaert (1992) for CEM, Celeux & Diebolt (1985) for SEM.
    """

    takes_reading = True

    def __init__(
        self,
        max_iter: int | None = None,
        tol: float = 1e-6,
        n_init: int | None = None,
        e_step: str = "soft",
        n_draws: int = 1,
        cv: Any = 3,
        min_scale: float = 1e-3,
        quasi_newton: bool = True,
    ):
        self.max_iter = max_iter
        self.tol = tol
        self.n_init = n_init
        self.e_step = e_step
        self.n_draws = n_draws
        self.cv = cv
        self.min_scale = min_scale
        self.quasi_newton = quasi_newton

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
    ) -> Trained:
        self._check()
        settings = {"cv": self.cv, "min_scale": self.min_scale, "n_jobs": n_jobs}
        steps = EMSteps(data, experts=experts, gate=gate, seeds=seeds, **settings)
        history = History(steps.weight)
        rng = np.random.default_rng(seeds[0])
        rounds = EMRounds(self, steps, history, rng, verbose)
        starts = Starts(rounds)
        run = starts.continued(starts.best(divide or _random_start(steps)))
        if self._may_sharpen(steps, run, gate) and not rounds.interrupted:
            try:
                run = self._sharpened(starts, run, steps, gate, pool, seeds)
            except KeyboardInterrupt:
                rounds.interrupted = True
        _warn_of_the_dead(steps, run.parts)
        experts, gate = steps.finish(run.parts)
        scales = run.parts.scales if data.task == "regression" else None
        trained = Trained(
            experts,
            gate,
            clone(pool),
            history.table(),
            scales,
            starts=history.starts(),
            kept=run.parts.alive.tolist(),
            at_floor=_at_floor(steps, run.parts),
        )
        if rounds.interrupted:
            raise Interrupted(trained, f"EM was interrupted after {len(history)} rounds.")
        return trained

    def _may_sharpen(self, steps, run, gate):
        rounds_left = self.max_iter is None or run.n_rounds < self.max_iter
        exact = steps.exact and self.e_step == "soft" and rounds_left
        return exact and is_open(gate) and 1 < len(run.parts.alive) == len(steps.experts)

    def _sharpened(self, starts, run, steps, gate, pool, seeds):
        """Continue a run with the gate's C that held-out rows choose."""

        def train(data, gate, start):
            alone = clone(self).set_params(n_init=1)
            settings = {"experts": steps.experts, "gate": gate, "pool": pool, "seeds": seeds}
            return alone.train(data, divide=lambda seed: start, n_jobs=None, verbose=0, **settings)

        trust = steps.e_step(run.parts)[0]
        modest = steps.gate.C
        chosen = chosen_C(train, steps.data, gate, trust, self.cv, modest)
        if chosen == modest:
            return run
        n_rounds = 0 if self.max_iter is None else run.n_rounds
        steps.gate = copy(steps.gate).set_params(C=chosen)
        return starts.continued(replace(run, n_rounds=n_rounds, converged=False))

    def _check(self):
        if self.e_step not in E_STEPS:
            raise ValueError(f"e_step must be one of {', '.join(E_STEPS)}, got {self.e_step!r}.")
        for name in ("max_iter", "n_init", "n_draws"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Integral) and value >= 1):
                raise ValueError(f"{name} must be a whole number, 1 or more, got {name}={value!r}.")
        for name in ("tol", "min_scale"):
            check_number(name, getattr(self, name))


def _warn_of_the_dead(steps, parts):
    dead = len(steps.experts) - len(parts.alive)
    if dead:
        warnings.warn(
            f"{dead} of {len(steps.experts)} experts lost all their rows and were dropped. "
            "Use fewer experts, more starts (n_init) or another divide.",
            ConvergenceWarning,
            stacklevel=4,
        )


def _at_floor(steps, parts):
    if steps.data.task == "classification" or steps.min_scale == 0:
        return []
    return np.flatnonzero(parts.scales <= steps.min_scale * (1 + 1e-9)).tolist()


def _random_start(steps):
    divider = as_divider("random")
    return lambda seed: divider.divide(
        steps.data.X,
        steps.data.y,
        n_experts=len(steps.experts),
        sample_weight=steps.weight,
        random_state=seed,
    )
