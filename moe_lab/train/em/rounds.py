"""EM's rounds from several starts."""

import warnings
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from moe_lab.likelihood.e_step import E_STEPS
from moe_lab.progress import progress, say
from moe_lab.train.em.quasi_newton import climb, has_gradient
from moe_lab.train.em.steps import Parts

DEAD = 1e-6  # an expert with less than this share of all weight is dropped
SHORT = 10  # rounds of each start
LONGER = 30  # quasi-Newton rounds of the better starts, before the best is continued
TAIL = 1e-3  # nats a row: where a round gains less, a quasi-Newton method is faster than EM
PATIENCE = 3  # rounds without a better one before EM with held-out scores stops


@dataclass
class Run:
    """How far one start has come."""

    start: int
    parts: Parts | None = None
    log_likelihood: float = -np.inf
    objective: float = -np.inf
    n_rounds: int = 0
    converged: bool = False


class Climber:
    """Runs EM from several starts, and keeps the books.

    Parameters
    ----------
    em : EM
        The settings.
    problem : Problem
    rng : numpy Generator
    verbose : int
    """

    def __init__(self, em, problem, rng, verbose):
        self.em, self.problem, self.rng, self.verbose = em, problem, rng, verbose
        self.monotone = problem.exact and em.e_step != "stochastic"
        self._exact_em = problem.exact and em.e_step == "soft"
        self.n_init = em.n_init or (10 if problem.exact and len(problem.experts) > 1 else 1)
        self.max_iter = em.max_iter or (200 if problem.exact else 10)
        self._rows, self._reached = [], {}

    def history(self):
        """One row per round."""
        return pd.DataFrame(self._rows)

    def starts(self):
        """One row per start: what it reached."""
        return pd.DataFrame.from_dict(self._reached, orient="index").rename_axis("start")

    def best_of_starts(self, divide):
        """Give each start a short run, the better third a longer one; return the best.

        Parameters
        ----------
        divide : callable
            From a seed to responsibilities of shape (n_samples, n_experts).
        """
        seeds = self.rng.integers(2**31, size=self.n_init)
        keep = -(-self.n_init // 3) if self.problem.exact else 1  # inexact: each holds long arrays
        alone = self.n_init == 1 and not self.problem.exact
        n_rounds = self.max_iter if alone else min(SHORT, self.max_iter)
        runs = []
        for number, seed in enumerate(progress(seeds, "EM starts", self._shown)):
            run = Run(number)
            run = self._rounds(run, self._everyone(), divide(int(seed)), n_rounds, self.em.tol)
            runs = sorted([*runs, run], key=attrgetter("objective"), reverse=True)[:keep]
        if len(runs) > 1 and self._has_quasi_newton(runs[0]):
            runs = [self._end(run, LONGER) for run in progress(runs, "better starts", self._shown)]
        self._show_spread()
        return max(runs, key=attrgetter("objective"))

    def continued(self, run):
        """Continue a run until it converges."""
        if run.n_rounds < self.max_iter and not run.converged:
            run = self._longer(run, self.max_iter - run.n_rounds)
        while self._exact_em and not self._living(self.problem.e_step(run.parts)[0]).all():
            run = self._longer(run, SHORT)  # without the dead
        if self.monotone and not run.converged and self.max_iter > 1:
            warnings.warn(
                f"EM stopped after max_iter={self.max_iter} rounds before the objective per row "
                f"changed by less than tol={self.em.tol}. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return run

    def _longer(self, run, max_iter):
        """Continue a run by EM, and where that can be by a quasi-Newton method from EM's tail
        on."""
        quasi_newton = self._has_quasi_newton(run)
        responsibilities = self._assigned(self.problem.e_step(run.parts)[0])
        tol = max(self.em.tol, TAIL) if quasi_newton else self.em.tol
        run = self._rounds(run, run.parts.alive, responsibilities, max_iter, tol)
        return self._end(run, max(self.max_iter - run.n_rounds, 1)) if quasi_newton else run

    def _rounds(self, run, alive, responsibilities, max_iter, tol):
        """Alternate M-steps and E-steps; return the last round, or the best where scores are out
        of fold or drawn."""
        best, last, stopped = run, run, False
        for _ in progress(range(max_iter), "EM rounds", self.verbose):
            alive, responsibilities, parts = self._kept(alive, responsibilities, last.parts)
            parts = self.problem.m_step(alive, responsibilities, parts)
            del responsibilities  # its memory is free for the next ones
            responsibilities, log_likelihood = self.problem.e_step(parts)
            objective = self._objective(parts, responsibilities, log_likelihood)
            converged = abs(objective - last.objective) < tol * self.problem.total
            last = Run(run.start, parts, log_likelihood, objective, last.n_rounds + 1, converged)
            self._record(last, "em", responsibilities)
            if self.monotone or objective > best.objective or best.parts is None:
                best = last
            waited = last.n_rounds - best.n_rounds
            stopped = converged or (not self.monotone and waited >= self._patience)
            if stopped:
                break
            responsibilities = self._assigned(responsibilities)
        self._note(best, last.n_rounds)
        return replace(best, n_rounds=last.n_rounds, converged=stopped)

    def _end(self, run, max_iter):
        """Continue a run by a quasi-Newton method."""
        parts, converged = climb(self.problem, run.parts, tol=self.em.tol, max_iter=max_iter)
        responsibilities, log_likelihood = self.problem.e_step(parts)
        objective = self._objective(parts, responsibilities, log_likelihood)
        if objective < run.objective:  # by rounding, at the top
            return replace(run, converged=converged)
        run = Run(run.start, parts, log_likelihood, objective, run.n_rounds, converged)
        self._record(run, "quasi_newton", responsibilities)
        self._note(run, run.n_rounds)
        return run

    def _has_quasi_newton(self, run):
        wanted = self._exact_em and self.em.quasi_newton
        return wanted and has_gradient(self.problem, run.parts)

    @property
    def _patience(self):
        return self.max_iter if self.em.e_step == "stochastic" else PATIENCE

    @property
    def _shown(self):
        return self.verbose and self.n_init > 1

    def _everyone(self):
        return np.arange(len(self.problem.experts))

    def _assigned(self, responsibilities):
        settings = {"n_draws": self.em.n_draws} if self.em.e_step == "stochastic" else {}
        return E_STEPS[self.em.e_step](responsibilities, self.rng, **settings)

    def _objective(self, parts, responsibilities, log_likelihood):
        """What the M-step maximises: the log-likelihood (of the assigned experts alone for CEM)
        and the log priors of gate and experts."""
        if self.em.e_step == "hard":
            log_likelihood += float(self.problem.weight @ np.log(np.max(responsibilities, axis=1)))
        return log_likelihood + self.problem.log_prior(parts)

    def _living(self, responsibilities):
        mass = self.problem.weight @ responsibilities
        return mass > DEAD * mass.sum()

    def _kept(self, alive, responsibilities, parts):
        """Drop experts that no row trusts any more."""
        kept = self._living(responsibilities)
        if kept.all():
            return alive, responsibilities, parts
        rest = responsibilities[:, kept]
        share = rest.sum(axis=1, keepdims=True)
        rest = np.where(share > 0, rest / np.where(share > 0, share, 1.0), 1 / kept.sum())
        return alive[kept], rest, None

    def _record(self, run, step, responsibilities):
        weight = self.problem.weight
        squares = np.einsum("n,nk,nk->k", weight**2, responsibilities, responsibilities)
        mass = weight @ responsibilities
        sizes = np.divide(mass**2, squares, out=np.zeros(len(mass)), where=squares > 0)
        row = {"log_likelihood": run.log_likelihood, "objective": run.objective}
        row |= {"start": run.start, "step": step}
        row |= {f"effective_size_{k}": s for k, s in zip(run.parts.alive, sizes, strict=True)}
        self._rows.append(row)

    def _note(self, run, n_rounds):
        self._reached[run.start] = {
            "log_likelihood": run.log_likelihood,
            "objective": run.objective,
            "n_experts": len(run.parts.alive),
            "n_rounds": n_rounds,
        }

    def _show_spread(self):
        if not self._shown:
            return
        reached = self.starts()["log_likelihood"]
        say(
            f"{self.n_init} starts: log-likelihood {reached.min():.6g} to {reached.max():.6g}; "
            "the best is continued."
        )
