"""Whether an expert will be ready in time: measured on few rows, before it is asked for all."""

import time

import numpy as np

from moe_lab.experts.fitting import fit_expert

PROBE = 500  # rows of the fit that is timed, at most
LEAST_LEFT = 0.25  # share of the time limit below which no further expert is tried
FEW = 200  # rows that are not worth a trial
RESERVE = 0.25  # of the time limit: refits that take longer than thought, stackers, gate


class Forecast:
    """Keeps the time of the candidates.

    Parameters
    ----------
    time_limit : float
        Seconds, from now on.
    """

    def __init__(self, time_limit):
        self.began = time.perf_counter()
        self.time_limit = time_limit
        self.owed = 0.0  # seconds that the refits of the experts so far will take

    @property
    def left(self):
        """Seconds left for further experts."""
        spent = time.perf_counter() - self.began
        return (1 - RESERVE) * self.time_limit - spent - self.owed

    def owe(self, seconds, n_folds):
        """Note a cross-fit of so many seconds: ``n_folds - 1`` times all rows, so that it tells how
        long the refit will take."""
        self.owed += seconds / max(n_folds - 1, 1)

    def allows(self, candidates, k):
        """Whether candidate k will be cross-fitted and refitted in the time that is left.

        One fit of few rows is timed, and its seconds are taken to grow with the rows.
        """
        n_samples, n_folds = len(candidates.data), len(candidates.folds)
        if np.isinf(self.time_limit):
            return True
        if self.left <= LEAST_LEFT * self.time_limit:  # a trial, too, takes its time
            return False
        if n_samples <= FEW:
            return True
        n_tried = min(PROBE, n_samples // 4)
        rows = np.linspace(0, n_samples - 1, n_tried).astype(int)
        tried, began = candidates.data.take(rows), time.perf_counter()
        with candidates.report.step("probe", candidates.names[k], fits=1):
            fit_expert(
                candidates.experts[k],
                tried.X,
                tried.y,
                candidates.weights[rows, k],
                task=tried.task,
                random_state=candidates.seeds[k],
            )
        seconds = time.perf_counter() - began
        return seconds * n_samples / n_tried * n_folds <= self.left
