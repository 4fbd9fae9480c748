"""Against R's flexmix: the same mixture, the same start, the same stop; whose fit is faster?

``python -m moe_lab.studies.em_speed.flexmix`` times both and prints a table.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import date
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from moe_lab import MoERegressor
from moe_lab.divide.given import Given
from moe_lab.divide.random import RandomDivider
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.runs.provenance import machine
from moe_lab.train import EM

INSTALL = "Run apt install r-cran-flexmix, or install.packages('flexmix') in R."


def linear_mixture(
    n_samples: int, n_features: int = 5, n_experts: int = 4, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw from linear-Gaussian experts, each with its own noise, behind a softmax gate.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    """
    rng = np.random.default_rng(random_state)
    X = rng.normal(size=(n_samples, n_features))
    design = np.column_stack([X, np.ones(n_samples)])
    gate = design @ rng.normal(0, 2, size=(n_features + 1, n_experts))
    expert = (gate + rng.gumbel(size=gate.shape)).argmax(axis=1)
    means = design @ rng.normal(0, 2, size=(n_features + 1, n_experts))
    noise = rng.uniform(0.5, 1.5, size=n_experts)
    return X, means[np.arange(n_samples), expert] + noise[expert] * rng.normal(size=n_samples)


def fit_moe_lab(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, *, tol: float, max_iter: int
) -> tuple[str, float, int, float]:
    """Fit the unregularised mixture by EM; return the version, seconds, rounds, log-likelihood."""
    moe = MoERegressor(
        LinearExpert(alpha=0.0),
        n_experts=start.shape[1],
        divide=Given(start),
        gate=SoftmaxGate(C=np.inf),
        train=EM(n_init=1, tol=tol, max_iter=max_iter),
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are in the table
        began = time.perf_counter()
        moe.fit(X, y)
        seconds = time.perf_counter() - began
    return version("moe_lab"), seconds, len(moe.history_), moe.log_likelihood(X, y)


def fit_flexmix(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, *, tolerance: float, max_iter: int
) -> tuple[str, float, int, float]:
    """Fit it with flexmix in a fresh R; return the version, seconds, rounds, log-likelihood."""
    with tempfile.TemporaryDirectory() as folder, as_file(_SCRIPT) as script:
        for name, array in {"x": X, "y": y, "start": start}.items():
            np.asarray(array, dtype=float).ravel(order="F").tofile(Path(folder) / f"{name}.bin")
        said = _ask_r(str(script), folder, str(len(y)), repr(float(tolerance)), str(max_iter))
    its_version, seconds, rounds, log_likelihood = said.split()
    return its_version, float(seconds), int(rounds), float(log_likelihood)


_SCRIPT = files("moe_lab.studies.em_speed") / "flexmix.R"


def r_version() -> str:
    """Return R's version; an ImportError says how to get R and flexmix where they are missing."""
    if shutil.which("Rscript") is None:
        raise ImportError(f"R is not installed: no Rscript on the path. {INSTALL}")
    try:
        return _ask_r("-e", "library(flexmix); cat(as.character(getRversion()))")
    except RuntimeError as error:
        raise ImportError(f"R's package flexmix is not installed. {INSTALL}") from error


def _ask_r(*arguments):
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    ran = subprocess.run(
        ["Rscript", "--vanilla", *arguments],
        env=os.environ | one_thread,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise RuntimeError(f"Rscript {arguments[0]} must end well, got: {ran.stderr.strip()}")
    return ran.stdout


def compare(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, *, tol: float, max_iter: int, repeats: int
) -> pd.DataFrame:
    """Fit by turns and collect every fit.

    flexmix stops when the log-likelihood changes by less than a share of itself, EM when it changes
    by less than ``tol`` for each row: the share is made from EM's own log-likelihood.

    Returns
    -------
    fits : DataFrame with columns method, version, seconds, rounds, log_likelihood
    """
    log_likelihood = fit_moe_lab(X, y, start, tol=tol, max_iter=max_iter)[-1]  # and a warm-up
    tolerance = tol * len(y) / (abs(log_likelihood) + 0.1)
    fits = []
    for _ in range(repeats):
        fits += [
            ("moe_lab", *fit_moe_lab(X, y, start, tol=tol, max_iter=max_iter)),
            ("flexmix", *fit_flexmix(X, y, start, tolerance=tolerance, max_iter=max_iter)),
        ]
    return pd.DataFrame(fits, columns=["method", "version", "seconds", "rounds", "log_likelihood"])


def summarise(fits: pd.DataFrame) -> pd.DataFrame:
    """Return the median fit of each method; ``difference`` is its log-likelihood minus flexmix's in
    nats, ``times_faster`` how often it fits while flexmix fits once."""
    by_method = fits.groupby("method", sort=False)
    summary = by_method[["seconds", "rounds", "log_likelihood"]].median()
    flexmix = summary.loc["flexmix"]
    summary["difference"] = summary["log_likelihood"] - flexmix["log_likelihood"]
    summary["times_faster"] = flexmix["seconds"] / summary["seconds"]
    return summary.reset_index()


def _versions(fits):
    return ", ".join(f"{m} {v}" for m, v in fits[["method", "version"]].drop_duplicates().values)


def _shown(summary):
    forms = {"seconds": "{:.3f}", "rounds": "{:.0f}", "log_likelihood": "{:.4f}"}
    forms |= {"difference": "{:+.5f}", "times_faster": "{:.1f}"}
    return summary.assign(**{name: summary[name].map(form.format) for name, form in forms.items()})


def _write(folder, fits, shown, facts):
    folder.mkdir(parents=True, exist_ok=True)
    fits.to_csv(folder / "flexmix.csv", index=False)
    rows = [shown.columns, ["---"] * shown.shape[1], *shown.to_numpy()]
    table = [f"| {' | '.join(map(str, row))} |" for row in rows]
    lines = ["# moe_lab and flexmix", "", *table, "", *(f"- {k}: {v}" for k, v in facts.items())]
    (folder / "flexmix.md").write_text("\n".join(lines) + "\n")


@click.command()
@click.option("--rows", default=20_000, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--tol", default=1e-9, show_default=True, help="Nats per row.")
@click.option("--max-iter", default=500, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Folder for the figures.")
def main(rows, repeats, seed, tol, max_iter, output):
    """Time moe_lab and R's flexmix on one mixture of four linear experts."""
    try:
        r = r_version()
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    X, y = linear_mixture(rows, random_state=seed)
    start = RandomDivider().divide(X, y, n_experts=4, random_state=seed)
    fits = compare(X, y, start, tol=tol, max_iter=max_iter, repeats=repeats)
    shown = _shown(summarise(fits))
    facts = {
        "Machine": f"{machine()}, one thread used",
        "Versions": f"{_versions(fits)}, Python {platform.python_version()}, R {r}",
        "Date": date.today().isoformat(),
        "Command": " ".join(["python -m moe_lab.studies.em_speed.flexmix", *sys.argv[1:]]),
        "Median of": f"{repeats} fits each, by turns; reading data and starting R are not timed",
    }
    table = Table(*shown.columns, title=f"{rows} rows, {X.shape[1]} inputs, 4 linear experts")
    for row in shown.to_numpy():
        table.add_row(*row)
    console = Console()
    console.print(table, *(f"{key}: {value}" for key, value in facts.items()), sep="\n")
    if output:
        _write(output, fits, shown, facts)


if __name__ == "__main__":
    main()
