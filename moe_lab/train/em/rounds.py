"""The rounds of EM: M-step, E-step, objective, stop."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.likelihood.e_step import E_STEPS
from moe_lab.progress import LONG, progress, spelt_seconds, tell_round
from moe_lab.train.em.steps import EMSteps, Parts

if TYPE_CHECKING:
    from moe_lab.train.em.history import History

LEAST_ROUND = 1.0  # seconds of the first round from which on a fit may take minutes
PATIENCE = 3  # rounds without a better one before EM with held-out scores stops


@dataclass(frozen=True)
class Run:
    """How far one start has come."""

    start: int
    parts: Parts = None  # type: ignore[assignment]  # of a start before its first round
    log_likelihood: float = -np.inf
    objective: float = -np.inf
    n_rounds: int = 0
    converged: bool = False


class EMRounds:
    """Runs EM from given responsibilities.

    Parameters
    ----------
    em : EM
        The settings.
    steps : EMSteps
    history : History
        Where every round is written down.
    rng : numpy Generator
    verbose : int
    """

    def __init__(
        self, em: Any, steps: EMSteps, history: History, rng: np.random.Generator, verbose: int
    ):
        self.em, self.steps, self.history, self.rng, self.verbose = em, steps, history, rng, verbose
        self.monotone = steps.exact and em.e_step != "stochastic"
        self.interrupted = False
        self.max_iter = em.max_iter or (200 if steps.exact else 10)

    def climb(self, run: Run, responsibilities: np.ndarray, *, max_iter: int, tol: float) -> Run:
        """Alternate M-steps and E-steps until the objective stands still.

        Parameters
        ----------
        run : Run
            How far it has come; without parts all experts take part.
        responsibilities : ndarray of shape (n_samples, n_alive)
        max_iter : int
        tol : float
            Stop when the objective per row (nats) changes by less.

        Returns
        -------
        run : Run
            The last round, or the best where scores are out of fold or drawn. An interrupt ends
            the rounds: ``interrupted`` says so.
        """
        best, stopped = run, False
        try:
            for _ in progress(range(max_iter), "EM rounds", self.verbose):
                began = time.perf_counter()
                parts = self.steps.m_step(responsibilities, run.parts)
                del responsibilities  # its memory is free for the next ones
                responsibilities, log_likelihood = self.steps.e_step(parts)
                self._tell_of_minutes(time.perf_counter() - began)
                objective = self.objective(parts, responsibilities, log_likelihood)
                converged = abs(objective - run.objective) < tol * self.steps.total
                run = Run(run.start, parts, log_likelihood, objective, run.n_rounds + 1, converged)
                tell_round("EM", self.history.add(run, "em", responsibilities), self.verbose)
                best = self._better(best, run)
                stopped = converged or self._waited(best, run)
                if stopped:
                    break
                responsibilities = self.assign(responsibilities)
        except KeyboardInterrupt:
            if best.parts is None:
                raise
            self.interrupted = stopped = True
        self.history.note(best, run.n_rounds)
        return replace(best, n_rounds=run.n_rounds, converged=stopped)

    def objective(self, parts: Parts, responsibilities: np.ndarray, log_likelihood: float) -> float:
        """What the M-step maximises: the log-likelihood (of the assigned experts alone for CEM)
        and the log priors of gate and experts."""
        if self.em.e_step == "hard":
            log_likelihood += float(self.steps.weight @ np.log(np.max(responsibilities, axis=1)))
        return log_likelihood + self.steps.log_prior(parts)

    def assign(self, responsibilities: np.ndarray) -> np.ndarray:
        """Return what the next M-step is given: all of it, the best expert, or a draw."""
        settings = {"n_draws": self.em.n_draws} if self.em.e_step == "stochastic" else {}
        return E_STEPS[self.em.e_step](responsibilities, self.rng, **settings)

    def _tell_of_minutes(self, seconds):
        """Warn after the very first round of rounds that may take minutes."""
        if not len(self.history) and seconds > LEAST_ROUND and seconds * self.max_iter > LONG:
            warnings.warn(
                f"This fit may take {spelt_seconds(seconds * self.max_iter)} a start: "
                f"{self.max_iter} rounds at most (max_iter), of which the first took "
                f"{seconds:.1f} s. Ask for fewer rounds, cheaper experts or a larger tol.",
                stacklevel=6,
            )

    def _better(self, best, run):
        better = self.monotone or run.objective > best.objective or best.parts is None
        return run if better else best

    def _waited(self, best, run):
        """Whether no round has been the best for too long."""
        patience = self.max_iter if self.em.e_step == "stochastic" else PATIENCE
        return not self.monotone and run.n_rounds - best.n_rounds >= patience
