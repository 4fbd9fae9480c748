"""AutoGluon as a rival, in an environment of its own: no requirement of moe_lab.

Exports the splits of the study, lets a Python that has AutoGluon fit them, and scores what it
predicts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import pandas as pd

from moe_lab.bench.comparison import encode_target
from moe_lab.bench.lineup import split_names
from moe_lab.bench.metrics import classification_scores, regression_scores
from moe_lab.bench.splits import draw_split
from moe_lab.datasets.fingerprint import fingerprint
from moe_lab.studies.autogluon import fit as autogluon_fit
from moe_lab.studies.autogluon.fit import PREDICTIONS, SECONDS

if TYPE_CHECKING:
    from moe_lab.datasets.base import Dataset

__all__ = ["LABEL", "collect", "export", "fit"]

LABEL, TARGET = "AutoGluon", "__target__"
SECOND_COLUMNS = ("fit_seconds", "fit_cpu_seconds", "predict_seconds")


def export(
    dataset: Dataset,
    folder: Path,
    *,
    n_train: int,
    n_test: int,
    seed: int,
    time_limit: float,
    num_cpus: int = 2,
) -> Path:
    """Write one split of a data set, so that another Python can fit it.

    AutoGluon is told of neither groups nor time order, inside the training rows it knows neither.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
        The split gets a folder below it.
    n_train, n_test, seed : int
        The same rows as `compare` draws for them.
    time_limit : float
        Seconds.
    num_cpus : int, default=2

    Returns
    -------
    split : Path
        With train.csv, test.csv and split.json; left as it is where it has been fitted as asked.
    """
    y, n_classes = encode_target(dataset)
    train, test = draw_split(dataset, y, n_train=n_train, n_test=n_test, seed=seed)
    X = dataset.X.rename(columns=str)
    asked = {
        "dataset": dataset.name,
        "data": fingerprint(dataset),
        "task": dataset.task,
        "n_classes": n_classes,
        "seed": seed,
        "asked": n_train,
        "n_train": len(train),
        "n_test": len(test),
        "target": TARGET,
        "categorical": [str(column) for column in dataset.categorical],
        "time_limit": time_limit,
        "num_cpus": num_cpus,
    }
    split = Path(folder) / f"{Path(dataset.name).stem}-{n_train}-{seed}"
    split.mkdir(parents=True, exist_ok=True)
    record = split / "split.json"
    if record.exists() and json.loads(record.read_text()) == asked:
        return split
    for stale in (PREDICTIONS, SECONDS):
        (split / stale).unlink(missing_ok=True)
    for name, rows in (("train", train), ("test", test)):
        X.iloc[rows].assign(**{TARGET: y[rows]}).to_csv(split / f"{name}.csv", index=False)
    record.write_text(json.dumps(asked))
    return split


def fit(folder: Path, python: str) -> None:
    """Let another Python fit all splits of a folder that are not fitted yet.

    Raises
    ------
    ImportError
        If that Python has no AutoGluon.
    RuntimeError
        If a fit failed; what it said is on the terminal.
    """
    script = place_script(folder)
    asked = "from importlib.metadata import version; version('autogluon.tabular')"
    # What these two say is for our Python; the other has cores of its own to use.
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "OMP_NUM_THREADS")}
    if subprocess.run([python, "-c", asked], env=kept, capture_output=True).returncode:
        raise ImportError(
            f"autogluon.tabular is not installed for {python}; make an environment of its own and "
            "run its pip install 'autogluon.tabular[lightgbm,catboost,xgboost]'."
        )
    if subprocess.run([python, str(script), str(folder)], env=kept).returncode:
        raise RuntimeError(f"Every split in {folder} must be fitted, got a failure; see above.")


def place_script(folder: Path) -> Path:
    """Copy what fits into the folder, so that its neighbours here shadow no module there."""
    script = Path(folder) / Path(autogluon_fit.__file__).name
    shutil.copyfile(autogluon_fit.__file__, script)
    return script


def collect(folder: Path) -> pd.DataFrame:
    """Score the predictions of all fitted splits, as `compare` scores its methods.

    Returns
    -------
    scores : DataFrame
        The columns of `compare`, and ``asked``, the training rows asked for. `fit_cpu_seconds`
        counts the other process's children as well.
    """
    tables = [_scored(path.parent) for path in sorted(Path(folder).glob(f"*/{SECONDS}"))]
    if not tables:
        raise ValueError(f"{folder} must hold a fitted split, got none; run fit.py.")
    return pd.concat(tables, ignore_index=True)


def _scored(split):
    asked = json.loads((split / "split.json").read_text())
    seconds = json.loads((split / SECONDS).read_text())
    truth = pd.read_csv(split / "test.csv", usecols=[TARGET])
    y = truth[TARGET].to_numpy()
    predicted = pd.read_csv(split / PREDICTIONS)
    if asked["task"] == "regression":
        scores = regression_scores(y, predicted["prediction"].to_numpy())
    else:
        wide = np.zeros((len(y), asked["n_classes"]))
        wide[:, predicted.columns.astype(int)] = predicted.to_numpy()
        scores = classification_scores(y, wide)
    leading = {"dataset": asked["dataset"], "task": asked["task"], "method": LABEL, "n_folds": 1}
    leading |= {"seed": asked["seed"], "fold": 0}
    leading |= {name: asked[name] for name in ("data", "n_train", "n_test", "asked")}
    rows = pd.DataFrame({"metric": list(scores), "score": list(scores.values())})
    return rows.assign(**leading, **{name: seconds[name] for name in SECOND_COLUMNS})


def _write_scores(folder):
    if any(folder.glob(f"*/{SECONDS}")):
        scores = collect(folder)
        scores.to_csv(folder / "scores.csv", index=False)
        click.echo(f"{len(scores)} scores in {folder / 'scores.csv'}")


@click.command()
@click.option("--datasets", required=True, help="Names, with commas between.")
@click.option("--seeds", default=5, show_default=True, help="How many splits a set.")
@click.option("--n-train", default=2000, show_default=True)
@click.option("--n-test", default=4000, show_default=True)
@click.option("--time-limit", default=60.0, show_default=True, help="Seconds for one fit.")
@click.option("--num-cpus", default=2, show_default=True)
@click.option("--python", help="A Python that has AutoGluon; without it, splits are only written.")
@click.option("--write", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(datasets, seeds, n_train, n_test, time_limit, num_cpus, python, write):
    """Fit AutoGluon to the splits of the study; FOLDER/scores.csv has its scores."""
    from moe_lab.datasets import load_dataset

    rows = {"n_train": n_train, "n_test": n_test}
    budget = {"time_limit": time_limit, "num_cpus": num_cpus}
    try:
        for dataset in map(load_dataset, split_names(datasets)):
            for seed in range(seeds):
                export(dataset, write, **rows, seed=seed, **budget)
        try:
            if python:
                fit(write, python)
            else:
                script = place_script(write)
                click.echo(f"Now run, with a Python that has AutoGluon: {script} {write}")
        finally:  # a split that failed keeps no other back
            _write_scores(write)
    except (ValueError, ImportError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
