"""Reading the result store: records of runs, and their scores as one table.

What is damaged (a full disk, an editor, a copy that broke off) is left out and named; the rest
is read.
"""

from __future__ import annotations

import json
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from moe_lab.registry.spelling import did_you_mean
from moe_lab.runs.literals import from_json
from moe_lab.runs.store import RECORD, results_folder, runs_of_key

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["experiment_name", "read_runs", "read_scores"]

NEEDED = {"status": str, "finished": str}
OPTIONAL: dict = {  # and what stands for it where a record lacks it
    "key": (str | None, None),
    "parts": (dict | None, None),
    "parameters": (dict, {}),
    "literals": (list, []),
    "versions": (dict, {}),
    "plugins": (list, []),
    "modules": (dict, {}),
    "data": (str, ""),
    "git_commit": (str | None, None),
    "seconds": (int | float | None, None),
    "error": (str | None, None),
}
TEXTS = ("dataset", "data", "task", "method", "metric")
NUMBERS = ("n_folds", "seed", "fold", "score")


def experiment_name(told: str | Path) -> str:
    """Return the name of an experiment, which may be told as its notebook.

    Examples
    --------
    >>> experiment_name("notebooks/01_compare.ipynb"), experiment_name("s.2023")
    ('01_compare', 's.2023')
    """
    return Path(told).stem if str(told).endswith(".ipynb") else str(told)


def read_runs(
    experiment: str, results_dir: str | Path = "results", key: str | None = None
) -> list[dict]:
    """Return the records of an experiment's runs, or of one key, in the order they finished.

    Each is the content of run.json, with `folder`, its path; damaged ones are named in a warning.
    """
    found = []
    folders = runs_of_key(experiment_name(experiment), key or "", results_dir)
    for path in (folder / RECORD for folder in folders if (folder / RECORD).exists()):
        try:
            found.append({**_read_record(path), "folder": path.parent})
        except (OSError, ValueError, SyntaxError) as error:
            _left_out(path, error)
    return sorted(found, key=lambda record: datetime.fromisoformat(record["finished"]))


def _read_record(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise ValueError(f"it holds {type(record).__name__} instead of a record")
    for name, kind in NEEDED.items():
        if not isinstance(record.get(name), kind):
            raise ValueError(f"it has no {name}")
    finished = datetime.fromisoformat(record["finished"])
    if finished.tzinfo is None:
        raise ValueError("its time has no zone")
    for name, (kind, default) in OPTIONAL.items():
        if not isinstance(record.setdefault(name, default), kind):
            raise ValueError(f"its {name} is {record[name]!r}")
    return {**record, "parameters": from_json(record["parameters"], record["literals"])}


def _left_out(path, error):
    warnings.warn(f"{path} is damaged and left out: {error}.", stacklevel=3)


def read_scores(
    experiment: str, results_dir: str | Path = "results", parameters: dict | None = None
) -> pd.DataFrame:
    """Read the scores of all finished runs of an experiment as one table.

    Scores of one name but of different data (another file, another target, a corrected cell) are
    kept apart: their names then say which. Where several runs hold the same fit (data set, method,
    seed, fold), the latest counts; of a data set that was run with different numbers of folds or
    rows, only those with the latest number. A warning tells both.

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

    from moe_lab.runs.identity import latest_fits, told_apart

    runs = read_runs(experiment, results_dir)
    asked = (parameters or {}).items()
    done = [run for run in runs if run["status"] == "done" and asked <= run["parameters"].items()]
    tables = [table for run in done if (table := _read_scores(run)) is not None]
    if not tables:
        raise ValueError(_no_scores(experiment_name(experiment), results_dir, runs))
    scores = told_apart(pd.concat(tables, ignore_index=True), runs)
    return latest_fits(scores)


def _read_scores(run):
    """Return the scores of one run; None where it has none, or none that can be read."""
    path = run["folder"] / "scores.csv"
    if not path.exists():
        return None
    try:
        table = _read_table(path)
    except (OSError, ValueError) as error:  # pandas' own are ValueErrors
        _left_out(path, error)
        return None
    if "data" not in table:
        table.insert(1, "data", run["data"] if table["dataset"].nunique() == 1 else "")
    table = table.fillna({"data": ""}).assign(run=run["folder"].name)
    # Data drawn anew for each seed are one set as a whole: one run has paired them itself.
    table["data"] = table.groupby("dataset")["data"].transform(
        lambda one: " ".join(sorted(set(one)))
    )
    return table


def _read_table(path):
    import pandas as pd

    if not path.read_bytes().endswith(b"\n"):
        raise ValueError("it breaks off")
    text = dict.fromkeys(TEXTS, str)
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    needed = [*(name for name in TEXTS if name != "data"), *NUMBERS]
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise ValueError(f"it has no column {', '.join(lacking)}")
    wrong = [name for name in NUMBERS if not pd.api.types.is_numeric_dtype(table[name])]
    wrong += [name for name in needed if name != "score" and table[name].isna().any()]
    if wrong:
        raise ValueError(f"its column {wrong[0]} is not what a comparison writes")
    return table


def _no_scores(experiment, results_dir, runs):
    folder = results_folder(results_dir)
    known = sorted(path.parent.name for path in folder.glob("*/runs"))
    if runs:
        counts = [run["status"] for run in runs]
        told = [f"{counts.count(status)} {status}" for status in dict.fromkeys(counts)]
        last = next((run for run in reversed(runs) if run["error"]), None)
        there_is = f"Its runs: {', '.join(told)}, none with scores."
        there_is += f" The last error: {last['error']}" if last else ""
    elif known:
        there_is = f"Experiments there: {', '.join(known)}."
    else:
        there_is = "It holds no experiment yet."
    hint = "" if experiment in known else did_you_mean(experiment, known)
    return (
        f"An experiment must have a finished run with scores, got {experiment!r} in {folder}. "
        f"{hint}{there_is} `moe-lab run {experiment}` makes one."
    )
