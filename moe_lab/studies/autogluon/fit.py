"""Fits AutoGluon to exported splits, under a Python that has AutoGluon and need not have moe_lab.

``python fit.py FOLDER``, where `moe_lab.studies.autogluon` has exported the splits and put a copy
of this file. Imports nothing of moe_lab, and AutoGluon only where it fits.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import tempfile
import time
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PREDICTIONS, SECONDS = "predictions.csv", "seconds.json"
METRICS = {"regression": "root_mean_squared_error", "classification": "log_loss"}


def main(folder: str | Path) -> int:
    """Fit every split that has no predictions yet, each in a process of its own."""
    try:
        metadata.version("autogluon.tabular")
    except metadata.PackageNotFoundError:
        sys.stderr.write(
            f"autogluon.tabular is not installed for {sys.executable}; "
            "run its pip install 'autogluon.tabular[lightgbm,catboost,xgboost]'.\n"
        )
        return 1
    failures = 0
    for split in sorted(path.parent for path in Path(folder).glob("*/split.json")):
        if (split / SECONDS).exists():
            continue
        sys.stdout.write(f"{split.name}\n")
        sys.stdout.flush()
        # A child of its own: all its CPU seconds count, and no split warms up the next.
        failures += os.spawnv(
            os.P_WAIT, sys.executable, [sys.executable, __file__, "--one", str(split)]
        )
    return min(failures, 1)


def fit_one(split: Path) -> None:
    """Fit one split, predict its test rows, and write both down with what they took."""
    TabularPredictor = import_module("autogluon.tabular").TabularPredictor  # no requirement of ours
    asked = json.loads((split / "split.json").read_text())
    train, test = read_table(split / "train.csv", asked), read_table(split / "test.csv", asked)
    regression = asked["task"] == "regression"
    kind = "multiclass" if asked["n_classes"] and asked["n_classes"] > 2 else "binary"
    with tempfile.TemporaryDirectory() as models:
        predictor = TabularPredictor(
            label=asked["target"],
            problem_type="regression" if regression else kind,
            eval_metric=METRICS[asked["task"]],
            path=str(Path(models) / "predictor"),
            verbosity=1,
        )
        wall, cpu = time.perf_counter(), cpu_seconds()
        predictor.fit(
            train,
            presets="good_quality",
            time_limit=asked["time_limit"],
            num_cpus=asked["num_cpus"],
            num_gpus=0,
        )
        seconds: dict = {"fit_seconds": time.perf_counter() - wall}
        seconds["fit_cpu_seconds"] = cpu_seconds() - cpu
        wall = time.perf_counter()
        predicted = predictor.predict(test) if regression else predictor.predict_proba(test)
        seconds["predict_seconds"] = time.perf_counter() - wall
    columns = ["prediction"] if regression else list(map(int, predicted.columns))
    write_predictions(split / PREDICTIONS, columns, predicted.to_numpy().reshape(len(test), -1))
    seconds["autogluon"] = metadata.version("autogluon.tabular")
    (split / SECONDS).write_text(json.dumps(seconds))


def read_table(path: Path, asked: dict) -> pd.DataFrame:
    """Read a table as it was exported: categories as such, "None" and "NA" among them as text."""
    import pandas as pd

    types = dict.fromkeys(asked["categorical"], "category")
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of all its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def write_predictions(path: Path, columns: list, rows: np.ndarray) -> None:
    """Write numbers so that they read back exactly."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[repr(float(value)) for value in row] for row in rows])


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        fit_one(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1]))
