"""How time and memory of EM grow with the rows.

``python -m moe_lab.studies.em_speed.scaling`` fits four linear experts behind a softmax gate
to ever more rows and prints seconds per round and peak memory.
"""

import time
import tracemalloc
import warnings
from collections.abc import Sequence

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from moe_lab import MoERegressor
from moe_lab.studies.em_speed.flexmix import linear_mixture
from moe_lab.train import EM

N_EXPERTS = 4
ROUNDS = (2, 8)  # their difference in seconds is free of what a fit does once


def seconds_per_round(X: np.ndarray, y: np.ndarray) -> float:
    """Return the seconds that one more round of EM takes."""
    seconds = []
    for max_iter in ROUNDS:
        began = time.perf_counter()
        _mixture(max_iter).fit(X, y)
        seconds.append(time.perf_counter() - began)
    return (seconds[1] - seconds[0]) / (ROUNDS[1] - ROUNDS[0])


def peak_share(X: np.ndarray, y: np.ndarray) -> float:
    """Return the peak memory of a fit over that of X, y and the responsibilities."""
    tracemalloc.start()
    try:
        _mixture(ROUNDS[1]).fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak / (X.nbytes + y.nbytes + N_EXPERTS * y.nbytes)


def _mixture(max_iter):
    em = EM(n_init=1, max_iter=max_iter, tol=0.0, quasi_newton=False)
    return MoERegressor("linear", N_EXPERTS, train=em, random_state=0)


def scaling(sizes: Sequence[int], repeats: int = 3) -> pd.DataFrame:
    """Measure every number of rows, one thread, by turns.

    Returns
    -------
    table : DataFrame indexed by rows: milliseconds per round (median), microseconds per row and
        round, peak memory over the data's
    """
    data = {n: linear_mixture(n) for n in sizes}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rounds = [{n: seconds_per_round(*data[n]) for n in sizes} for _ in range(repeats)]
        peaks = {n: peak_share(*data[n]) for n in sizes}
    seconds = pd.DataFrame(rounds).median()
    return pd.DataFrame(
        {
            "ms_per_round": 1e3 * seconds,
            "us_per_row": 1e6 * seconds / np.array(sizes),
            "peak_memory": pd.Series(peaks),
        }
    ).rename_axis("rows")


@click.command()
@click.option("--rows", multiple=True, type=int, default=(62_500, 250_000, 1_000_000))
@click.option("--repeats", default=3, show_default=True)
def main(rows, repeats):
    """Print how time and memory of EM grow with the rows."""
    table = Table("rows", "ms per round", "us per row and round", "peak memory / data")
    for n, row in scaling(sorted(rows), repeats).iterrows():
        table.add_row(f"{n:,}", *(f"{value:.3g}" for value in row))
    Console().print(table)


if __name__ == "__main__":
    main()
