"""What a fit cost: fits and seconds of every step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd


class Report:
    """Collects a row for each step of each expert; ``table()`` is the mixture's ``fit_report_``."""

    def __init__(self):
        self._costs = {}  # (step, name) -> fits, seconds, cpu_seconds

    def add(self, step: str, name: str, fits: int, seconds: float, cpu_seconds: float) -> None:
        """Add what was spent on a step to what it has cost so far."""
        before = self._costs.get((step, name), (0, 0.0, 0.0))
        spent = fits, seconds, cpu_seconds
        self._costs[step, name] = tuple(map(sum, zip(before, spent, strict=True)))

    def seconds(self, names: list[str]) -> np.ndarray:
        """Return what each name has cost so far, (n_names,), in seconds of wall time."""
        return np.array(
            [sum(cost[1] for (_, of), cost in self._costs.items() if of == name) for name in names]
        )

    @contextmanager
    def step(self, step: str, name: str, fits: int) -> Iterator[None]:
        """Time a step: its name, whose it is, and how many fits it makes."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:  # a step that failed took its time too
            self.add(step, name, fits, time.perf_counter() - wall, time.process_time() - cpu)

    def table(self) -> pd.DataFrame:
        """One row a step and expert: step, name, fits, seconds (wall) and cpu_seconds, of its fits,
        measured where they ran: with n_jobs they go on side by side."""
        rows = [(*of, *spent) for of, spent in self._costs.items()]
        return pd.DataFrame(rows, columns=["step", "name", "fits", "seconds", "cpu_seconds"])
