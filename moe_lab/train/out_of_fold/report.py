"""What a fit cost: fits and seconds of every step."""

import time
from contextlib import contextmanager

import pandas as pd


class Report:
    """Collects a row for each step; ``table()`` is the mixture's ``fit_report_``."""

    def __init__(self):
        self._rows = []

    @contextmanager
    def step(self, step, name, fits):
        """Time a step: its name, whose it is, and how many fits it makes."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:  # a step that failed took its time too
            self._rows.append(
                {
                    "step": step,
                    "name": name,
                    "fits": fits,
                    "seconds": time.perf_counter() - wall,
                    "cpu_seconds": time.process_time() - cpu,
                }
            )

    def table(self):
        """One row a step: step, name, fits, seconds (wall) and cpu_seconds (of this process)."""
        return pd.DataFrame(self._rows)
