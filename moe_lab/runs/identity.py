"""Which scores are of the same data, and which of them count.

A data set's name is not the data: two targets of one file, a file and its corrected self, two
files of one name. Only scores of one fingerprint may ever be paired.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["latest_fits", "told_apart"]


def told_apart(scores: pd.DataFrame, runs: list[dict]) -> pd.DataFrame:
    """Give data sets of one name, but of different data, names that say which is which.

    Parameters
    ----------
    scores : DataFrame
        Columns dataset, data, task and run among them.
    runs : list of dict
        The records of their runs.

    Returns
    -------
    scores : DataFrame
    """
    parameters = {run["folder"].name: run["parameters"] for run in runs}
    sources = scores["run"].map(lambda run: _text(parameters[run].get("dataset")))
    targets = scores["run"].map(lambda run: _text(parameters[run].get("target")))
    unknown = scores["data"] == ""  # of an older run: by what it was told to load
    data = scores["data"].mask(unknown, "of " + sources + " " + targets)
    whole = scores.assign(data=data, source=sources, target=targets)
    names = scores["dataset"].copy()
    for name, one in whole.groupby("dataset", sort=False):
        kinds = one.drop_duplicates(["data", "task"], keep="last")
        if len(kinds) > 1:
            shown = _names(name, kinds)
            for (data, task), told in shown.items():
                same = (
                    (whole["dataset"] == name) & (whole["data"] == data) & (whole["task"] == task)
                )
                names[same] = told
            warnings.warn(
                f"Different data of the name {name!r} are kept apart: {', '.join(shown.values())}.",
                stacklevel=3,
            )
    return scores.assign(dataset=names)


def _names(name, kinds):
    """Return (data, task) -> the name with as much as is needed to tell it from the others."""
    columns = {
        "": _tails(kinds["source"]),
        "target ": list(kinds["target"]),
        "as ": list(kinds["task"]),
        "data ": [data[:8] for data in kinds["data"]],
    }
    told = [[] for _ in range(len(kinds))]
    for word, values in columns.items():
        if len(set(values)) > 1 and len(set(map(tuple, told))) < len(kinds):
            for parts, value in zip(told, values, strict=True):
                parts.append(f"{word}{value or 'unknown'}")
    keys = zip(kinds["data"], kinds["task"], strict=True)
    return {key: f"{name} ({', '.join(parts)})" for key, parts in zip(keys, told, strict=True)}


def _tails(paths):
    """Return the shortest ends of paths that tell them apart, file names at least."""
    parts = [Path(path).parts for path in paths]
    for length in range(1, max(map(len, parts), default=0) + 1):
        tails = ["/".join(one[-length:]) for one in parts]
        if len(set(tails)) == len(set(parts)):
            return tails
    return list(paths)


def _text(value):
    return value if isinstance(value, str) else ""


def latest_fits(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep the latest of each fit, and of a data set only the latest number of folds and rows."""
    from moe_lab.bench.comparison import IDENTITY

    comparable = scores["n_folds"] == scores.groupby("dataset")["n_folds"].transform("last")
    split = scores.groupby(["dataset", "n_folds", "seed", "fold"])
    for count in scores.columns.intersection(["n_train", "n_test"]):
        comparable &= scores[count] == split[count].transform("last")
    _tell_left_out(scores[~comparable], scores[comparable])
    latest = scores.groupby(IDENTITY)["run"].transform("last")
    return scores[comparable & (scores["run"] == latest)].reset_index(drop=True)


def _tell_left_out(left, kept):
    """Say which methods have scores on other folds or rows only."""
    for name, one in left.groupby("dataset", sort=False):
        gone = set(one["method"]) - set(kept.loc[kept["dataset"] == name, "method"])
        if gone:
            folds = kept.loc[kept["dataset"] == name, "n_folds"].iloc[-1]
            warnings.warn(
                f"{name}: left out are scores on other folds or rows than those of the latest run "
                f"({folds} folds): {', '.join(sorted(gone))}.",
                stacklevel=4,
            )
