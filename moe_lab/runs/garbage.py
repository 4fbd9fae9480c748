"""Runs that no longer count, and their removal."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from moe_lab.runs.key import key_parts
from moe_lab.runs.read import read_runs
from moe_lab.runs.skip import same_parameters
from moe_lab.runs.store import SCRATCH, check_writable, remove_empty

__all__ = ["KINDS", "garbage", "remove"]

KINDS = {
    "superseded": "a later run of the same parameters is done",
    "failed": "it has no result",
    "stale": "the notebook's code, or moe_lab, has changed since",
}


def garbage(
    experiment: str,
    results_dir: str | Path = "results",
    kinds: Sequence[str] = ("superseded", "failed"),
    notebook: Path | None = None,
) -> list[tuple[Path, str]]:
    """List the runs that no longer count, each with the kind that it is of.

    Parameters
    ----------
    experiment : str
    results_dir : str, default="results"
    kinds : sequence of {"superseded", "failed", "stale"}
        "superseded": a later run of the same key, or of one that failed, is done.
    notebook : Path, optional
        To tell what is stale.

    Returns
    -------
    found : list of (Path, str)
        The run's folder, and the kind.
    """
    runs = read_runs(experiment, results_dir)
    last = {run["key"]: run["folder"] for run in runs if run["status"] == "done" and run["key"]}
    code = key_parts(notebook, {}) if notebook and "stale" in kinds else None
    found = []
    for place, run in enumerate(runs):
        kind = _kind(run, runs[place + 1 :], last, code)
        if kind in kinds:
            found.append((run["folder"], kind))
    return found


def _kind(run, later, last, code):
    if run["status"] != "done":
        done = (one["parameters"] for one in later if one["status"] == "done")
        again = any(same_parameters(one, run["parameters"]) for one in done)
        return "superseded" if again else "failed"
    if run["key"] and last[run["key"]] != run["folder"]:
        return "superseded"
    parts = run["parts"]
    if code and parts and any(parts.get(name) != code[name] for name in ("code", "moe_lab")):
        return "stale"
    return None


def remove(folder: Path, results_dir: str | Path = "results") -> None:
    """Remove a run; it disappears by one rename, so that nobody reads half of it."""
    scratch = check_writable(results_dir) / SCRATCH
    scratch.mkdir(exist_ok=True)
    grave = scratch / f"gone.{uuid.uuid4().hex}"
    os.rename(folder, grave)
    shutil.rmtree(grave, ignore_errors=True)
    remove_empty(scratch)
