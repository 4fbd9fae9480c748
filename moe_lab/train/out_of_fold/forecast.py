"""Whether an expert will be ready in time: measured on few rows, before it is asked for all."""

import time
import warnings
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from moe_lab.progress import LONG, spelt_seconds
from moe_lab.train.out_of_fold.cost import cost, costs

LEAST_LEFT = 0.25  # share of the time limit below which no further expert is tried
FEW = 200  # rows that are not worth a trial
MANY = 20_000  # rows times outputs from which on a fit may take minutes
RESERVE = 0.25  # of the time limit: refits that take longer than thought, stackers, gate


class Forecast:
    """Keeps the time of the candidates.

    Parameters
    ----------
    time_limit : float
        Seconds, from now on.
    """

    def __init__(self, time_limit: float):
        self.began = time.perf_counter()
        self.time_limit = time_limit
        self.owed = 0.0  # seconds that the refits of the experts so far will take

    @property
    def left(self) -> float:
        """Seconds left for further experts."""
        spent = time.perf_counter() - self.began
        return (1 - RESERVE) * self.time_limit - spent - self.owed

    def owe(self, seconds: float, n_folds: int) -> None:
        """Note a cross-fit of so many seconds: ``n_folds - 1`` times all rows, so that it tells how
        long the refit will take."""
        self.owed += seconds / max(n_folds - 1, 1)

    def allows(self, candidates: Any, k: int) -> bool:
        """Whether candidate k will be cross-fitted and refitted in the time that is left, judged
        by fits of few rows."""
        n_samples = len(candidates.data)
        if np.isinf(self.time_limit):
            return True
        if self.left <= LEAST_LEFT * self.time_limit:  # a trial, too, takes its time
            return False
        if n_samples <= FEW:
            return True
        return cost(candidates, k) <= self.left


def warn_of_minutes(candidates: Any) -> None:
    """Warn beforehand of a fit that will take minutes; nothing is tried where there are few rows,
    or few classes, to tell it from."""
    if len(candidates.data) * candidates.data.n_outputs < MANY:
        return
    expected = {candidates.names[k]: seconds for k, seconds in costs(candidates).items()}
    seconds = sum(expected.values()) / min(effective_n_jobs(candidates.n_jobs), len(expected) or 1)
    if seconds > LONG:
        longest = sorted(expected, key=expected.__getitem__, reverse=True)[:3]
        parts = ", ".join(f"{name} {spelt_seconds(expected[name])}" for name in longest)
        least = "at least " if len(expected) < len(candidates.plain) else ""
        warnings.warn(
            f"This fit will take {least}about {spelt_seconds(seconds)} ({parts}), judged by fits "
            f"of few of {len(candidates.data)} rows. A time_limit in seconds leaves out what takes "
            "too long; or list fewer experts, or set n_jobs.",
            stacklevel=5,
        )
