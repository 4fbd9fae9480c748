"""Reading the result store: records of runs, and their scores as one table."""

import json

from moe_lab.registry.spelling import did_you_mean
from moe_lab.runs.store import RECORD, results_folder

__all__ = ["find_run", "read_runs", "read_scores"]


def read_runs(experiment, results_dir="results") -> list[dict]:
    """Return the records of an experiment's runs in the order they finished.

    Each is the content of run.json, with `folder`, its path.
    """
    runs = results_folder(results_dir) / experiment / "runs"
    found = []
    for path in runs.glob(f"*/{RECORD}"):
        found.append({**json.loads(path.read_text(encoding="utf-8")), "folder": path.parent})
    return sorted(found, key=lambda record: record["finished"])


def find_run(experiment, key, results_dir="results") -> dict | None:
    """Return the latest finished run of that key, None where there is none."""
    runs = read_runs(experiment, results_dir)
    done = [run for run in runs if run["status"] == "done" and run["key"] == key]
    return done[-1] if done else None


def read_scores(experiment, results_dir="results", parameters=None):
    """Read the scores of all finished runs of an experiment as one table.

    Where several runs hold the same fit (data set, method, seed, fold), the latest counts; of a
    data set that was run with different numbers of folds or rows, only those with the latest
    number.

    Parameters
    ----------
    experiment : str
        The notebook's name.
    results_dir : str, default="results"
    parameters : dict, optional
        Only runs whose parameters have these values.

    Returns
    -------
    scores : DataFrame
        The columns of `compare`, and `run`, the name of the run's folder.

    Raises
    ------
    ValueError
        If there is no finished run with scores.
    """
    import pandas as pd

    from moe_lab.bench.comparison import IDENTITY

    asked = (parameters or {}).items()
    done = [run for run in read_runs(experiment, results_dir) if run["status"] == "done"]
    done = [run for run in done if asked <= run.get("parameters", {}).items()]
    files = [run["folder"] / "scores.csv" for run in done]
    files = [path for path in files if path.is_file()]
    if not files:
        raise ValueError(_no_scores(experiment, results_dir))
    scores = pd.concat([_read(path) for path in files], ignore_index=True)
    n_folds = scores.groupby("dataset")["n_folds"].transform("last")
    latest = scores.groupby(IDENTITY)["run"].transform("last")
    kept = (scores["n_folds"] == n_folds) & (scores["run"] == latest)
    split = scores.groupby(["dataset", "n_folds", "seed", "fold"])
    for count in scores.columns.intersection(["n_train", "n_test"]):
        kept &= scores[count] == split[count].transform("last")
    return scores[kept].reset_index(drop=True)


def _read(path):
    import pandas as pd

    text = dict.fromkeys(("dataset", "method", "task", "metric"), str)
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    return table.assign(run=path.parent.name)


def _no_scores(experiment, results_dir):
    folder = results_folder(results_dir)
    known = sorted(path.parent.name for path in folder.glob("*/runs"))
    there_is = f"Experiments there: {', '.join(known)}." if known else "It holds no experiment yet."
    hint = "" if experiment in known else did_you_mean(experiment, known)
    return (
        f"An experiment must have a finished run with scores, got {experiment!r} in {folder}. "
        f"{hint}{there_is} `moe-lab run {experiment}` makes one."
    )
