"""What experts will cost: measured on few rows, and grown to all as each kind grows."""

import time
from contextlib import suppress
from typing import Any

import numpy as np

from moe_lab.experts.cross_fitting import timed
from moe_lab.experts.fitting import fit_expert
from moe_lab.experts.powers import Grows
from moe_lab.registry.powers import has_power

FIRST = 10  # rows of a fit that is not timed: it imports what the expert needs
PROBE = 500  # rows of the fit that is timed, or
SHARE = 1 / 32  # of all rows, where these are many
MORE = 2000  # rows at most, and where that fit was too quick to tell
QUICK = 0.05  # seconds of such a fit
TINY = 150  # rows of the fit where the trials have taken long
LONG_TRIALS = 2.0  # seconds of all trials so far


def costs(candidates: Any) -> dict[int, float]:
    """Return the seconds that cross-fitting and refitting will take, by the number of the expert.

    An expert whose trial fails is left out: it will fail, or not, where that is told.
    """
    began, expected = time.perf_counter(), {}
    for k in candidates.plain:
        late = time.perf_counter() - began > LONG_TRIALS
        try:
            expected[k] = cost(candidates, k, TINY if late else None)
        except Exception:
            continue
    return expected


def cost(candidates: Any, k: int, n_tried: int | None = None) -> float:
    """Return the seconds that cross-fitting and refitting candidate k will take.

    One fit of few rows is timed, and where it is quick one of more; its seconds grow with the rows
    as the expert says (`Grows`), else with their number.
    """
    n_samples, n_folds = len(candidates.data), len(candidates.folds)
    with suppress(Exception):  # so few rows may not do
        _trial(candidates, k, FIRST)
    few = n_tried or min(max(PROBE, int(SHARE * n_samples)), MORE)
    seconds, n_tried = _trial(candidates, k, few)
    for more in (PROBE, MORE):
        if seconds < QUICK and n_tried < more <= n_samples // 4:
            seconds, n_tried = _trial(candidates, k, more)
    expert = candidates.experts[k]
    growth = expert.growth if has_power(expert, Grows) else 1.0
    return n_folds * seconds * (n_samples / n_tried) ** growth  # k folds less one, and the refit


def _trial(candidates, k, most):
    """Return the seconds of a fit of few rows, and of how many."""
    n_samples = len(candidates.data)
    n_tried = max(min(most, n_samples // 4), 1)
    rows = np.linspace(0, n_samples - 1, n_tried).astype(int)
    tried = candidates.data.take(rows)
    _, seconds, cpu = timed(
        fit_expert,
        candidates.experts[k],
        tried.X,
        tried.y,
        candidates.weights[rows, k],
        task=tried.task,
        random_state=candidates.seeds[k],
    )
    candidates.report.add("probe", candidates.names[k], 1, seconds, cpu)
    return seconds, n_tried
