"""How often do intervals of linear mixtures hold what they say?

``python -m moe_lab.studies.coverage`` prints the table and writes it into a folder. Rows come from
the very model that is fitted, with the right number of experts; every repetition draws it anew.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.mixture import MoERegressor
from moe_lab.studies.mixture_vs_stacking.markdown import as_markdown

DESIGNS = ((30, 10, 1), (60, 30, 1), (100, 10, 2), (200, 10, 4), (1000, 10, 4))
N_FRESH = 200
NOISE = 0.5


def draw(
    n_samples: int, n_features: int, n_experts: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of linear experts behind a softmax gate; coefficients are standard normal.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    slopes, intercepts = rng.normal(size=(n_features, n_experts)), rng.normal(size=n_experts)
    logits = X @ rng.normal(0, 3 / np.sqrt(n_features), size=slopes.shape)
    expert = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    means = (X @ slopes + intercepts)[np.arange(n_samples), expert]
    return X, means + NOISE * rng.normal(size=n_samples)


def coverage(
    n_samples: int, n_features: int, n_experts: int, seed: int, level: float = 0.9
) -> tuple[float, float]:
    """Return the share of fresh rows inside their intervals, and with the scales alone.

    The scales alone are the noise of the likelihood, as if the coefficients were known.

    Returns
    -------
    counted, scales_alone : float
    """
    X, y = draw(n_samples + N_FRESH, n_features, n_experts, seed)
    moe = MoERegressor("linear", n_experts, train="em", random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        moe.fit(X[:n_samples], y[:n_samples])
    fresh, truth = X[n_samples:], y[n_samples:]
    counted = moe.predict_distribution(fresh)
    alone = MixtureDistribution(counted.weights, counted.means, moe.scales_)
    return _share(counted.interval(level), truth), _share(alone.interval(level), truth)


def _share(interval, y):
    return float(np.mean((interval[:, 0] <= y) & (y <= interval[:, 1])))


def study(
    designs: Sequence[tuple[int, ...]] = DESIGNS,
    repetitions: int = 400,
    level: float = 0.9,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Return one row a design: the mean coverage and its standard error over repetitions.

    Parameters
    ----------
    designs : sequence of (n_samples, n_features, n_experts)
    repetitions : int, default=400
    level : float, default=0.9
    n_jobs : int, default=1
    """
    rows = []
    for design in designs:
        found = Parallel(n_jobs=n_jobs)(
            delayed(coverage)(*design, seed, level) for seed in range(repetitions)
        )
        counted, alone = np.transpose(found)
        rows.append(
            dict(zip(("rows", "columns", "experts"), design, strict=True))
            | {"coverage": counted.mean(), "se": counted.std(ddof=1) / np.sqrt(repetitions)}
            | {"scales alone": alone.mean()}
        )
    return pd.DataFrame(rows)


@click.command(help="Coverage of the intervals of linear mixtures.")
@click.option("--repetitions", default=400, type=click.IntRange(min=2), show_default=True)
@click.option("--level", default=0.9, type=click.FloatRange(0, 1, True, True), show_default=True)
@click.option("--n-jobs", default=1, show_default=True, help="Fits at a time.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def main(repetitions, level, n_jobs, out):
    table = as_markdown(study(DESIGNS, repetitions, level, n_jobs).round(3).astype(str))
    click.echo(table)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "table.md").write_text(table + "\n")


if __name__ == "__main__":
    main()
