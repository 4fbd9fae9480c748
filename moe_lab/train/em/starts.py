"""Where EM starts: several short runs, the better third longer, the best to its end."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from sklearn.exceptions import ConvergenceWarning

from moe_lab.progress import progress, say, tell_round
from moe_lab.train.em.quasi_newton import climb, has_gradient
from moe_lab.train.em.rounds import EMRounds, Run

SHORT = 10  # rounds of each start
LONGER = 30  # quasi-Newton rounds of the better starts, before the best is continued
TAIL = 1e-3  # nats a row: where a round gains less, a quasi-Newton method is faster than EM


class Starts:
    """Starts EM several times, and continues the best.

    Parameters
    ----------
    rounds : EMRounds
    """

    def __init__(self, rounds: EMRounds):
        self.rounds, self.em, self.steps = rounds, rounds.em, rounds.steps
        self.n_init = self.em.n_init or self._default_n_init()
        self._exact_em = self.steps.exact and self.em.e_step == "soft"
        self._shown = rounds.verbose and self.n_init > 1

    def _default_n_init(self):
        """Many where a start is cheap, a few where only the gate is costly."""
        if len(self.steps.experts) == 1:
            return 1
        return 10 if self.steps.exact else 4 if all(self.steps.parametric) else 1

    def best(self, divide: Callable) -> Run:
        """Give each start a short run, the better third a longer one; return the best.

        Parameters
        ----------
        divide : callable
            From a seed to responsibilities of shape (n_samples, n_experts).
        """
        seeds = self.rounds.rng.integers(2**31, size=self.n_init)
        keep = -(-self.n_init // 3) if self.steps.exact else 1  # inexact: each holds long arrays
        alone = self.n_init == 1 and not self.steps.exact
        max_iter = self.rounds.max_iter if alone else min(SHORT, self.rounds.max_iter)
        settings: dict = {"max_iter": max_iter, "tol": self.em.tol}
        runs: list[Run] = []
        for number, seed in enumerate(progress(seeds, "EM starts", self._shown)):
            try:
                run = self.rounds.climb(Run(number), divide(int(seed)), **settings)
            except KeyboardInterrupt:  # in its first round, or before
                if not runs:
                    raise
                self.rounds.interrupted = True
                break
            runs = sorted([*runs, run], key=attrgetter("objective"), reverse=True)[:keep]
            if self.rounds.interrupted:
                break
        if len(runs) > 1 and self._has_quasi_newton(runs[0]):
            runs = [self._end(run, LONGER) for run in progress(runs, "better starts", self._shown)]
        self._show_spread()
        return max(runs, key=attrgetter("objective"))

    def continued(self, run: Run) -> Run:
        """Continue a run until it converges."""
        max_iter = self.rounds.max_iter
        if self.rounds.interrupted:
            return run
        if run.n_rounds < max_iter and not run.converged:
            run = self._longer(run, max_iter - run.n_rounds)
        while self._is_going_on() and not self.steps.living(self.steps.e_step(run.parts)[0]).all():
            run = self._longer(run, SHORT)  # without the dead
        interrupted = self.rounds.interrupted
        if self.rounds.monotone and not (run.converged or interrupted) and max_iter > 1:
            warnings.warn(
                f"EM stopped after max_iter={max_iter} rounds before the objective per row "
                f"changed by less than tol={self.em.tol}. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return run

    def _longer(self, run, max_iter):
        """Continue a run by EM, and where that can be by a quasi-Newton method from EM's tail
        on."""
        quasi_newton = self._has_quasi_newton(run)
        responsibilities = self.rounds.assign(self.steps.e_step(run.parts)[0])
        tol = max(self.em.tol, TAIL) if quasi_newton else self.em.tol
        run = self.rounds.climb(run, responsibilities, max_iter=max_iter, tol=tol)
        return self._end(run, max(self.rounds.max_iter - run.n_rounds, 1)) if quasi_newton else run

    def _end(self, run, max_iter):
        """Continue a run by a quasi-Newton method."""
        if self.rounds.interrupted:
            return run
        settings: dict = {"tol": self.em.tol, "max_iter": max_iter}
        parts, converged, self.rounds.interrupted = climb(self.steps, run.parts, **settings)
        responsibilities, log_likelihood = self.steps.e_step(parts)
        objective = self.rounds.objective(parts, responsibilities, log_likelihood)
        if objective < run.objective:  # by rounding, at the top
            return replace(run, converged=converged)
        run = Run(run.start, parts, log_likelihood, objective, run.n_rounds, converged)
        row = self.rounds.history.add(run, "quasi_newton", responsibilities)
        tell_round("EM", row, self.rounds.verbose)
        self.rounds.history.note(run, run.n_rounds)
        return run

    def _is_going_on(self):
        return self._exact_em and not self.rounds.interrupted

    def _has_quasi_newton(self, run):
        wanted = self._exact_em and self.em.quasi_newton
        return wanted and has_gradient(self.steps, run.parts)

    def _show_spread(self):
        if not self._shown:
            return
        reached = self.rounds.history.starts()["log_likelihood"]
        say(
            f"{self.n_init} starts: log-likelihood {reached.min():.6g} to {reached.max():.6g}; "
            "the best is continued."
        )
