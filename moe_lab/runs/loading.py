"""All runs of an experiment as one tidy table, from a cache that may be deleted at any time."""

from __future__ import annotations

import io
import json
import sqlite3
import warnings
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from moe_lab.runs.read import _left_out, _read_record, _read_table, experiment_name
from moe_lab.runs.store import RECORD, results_folder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CACHE", "load"]

CACHE = ".runs.sqlite"
VERSION = 1  # of what the cache holds
TOLD = (
    *("status", "key", "finished", "seconds", "cpu_seconds", "peak_memory", "host"),
    *("git_commit", "error"),
)


def load(experiment: str, results_dir: str | Path = "results") -> pd.DataFrame:
    """Read all runs of an experiment as one table.

    Parameters
    ----------
    experiment : str
        The notebook's name, or its path.
    results_dir : str, default="results"

    Returns
    -------
    table : DataFrame
        One row for each score of each run, one for a run without scores. Columns run, status, key,
        finished, seconds, cpu_seconds, peak_memory (bytes), host, git_commit, error; param_NAME
        for each parameter; then those of `compare`: dataset, method, seed, fold, metric, score, ...
        Nothing is left out but damaged runs, which a warning names: `read_scores` says which
        scores count.

    Notes
    -----
    The first read of thousands of runs takes seconds. What it has read is kept beside the runs in
    ``.runs.sqlite``, which may be deleted; a run that has been edited is read anew.
    """
    import pandas as pd

    folder = results_folder(results_dir) / experiment_name(experiment)
    rows = _cached(folder)
    runs = pd.DataFrame([_told(name, json.loads(record)) for name, record, *_ in rows])
    if runs.empty:
        return pd.DataFrame(columns=["run", *TOLD])
    return _with_scores(runs, rows)


def _told(name, record):
    parameters = {f"param_{one}": value for one, value in record["parameters"].items()}
    return {"run": name, **{one: record.get(one) for one in TOLD}, **parameters}


def _with_scores(runs, rows):
    """Join the scores: each header once, however many runs share it."""
    import numpy as np
    import pandas as pd

    tables, of_header = [], {}
    for name, _, header, body, count in rows:
        if count:
            of_header.setdefault(header, []).append((name, body, count))
    for header, found in of_header.items():
        names, bodies, counts = zip(*found, strict=True)
        table = pd.read_csv(io.StringIO("".join([header, *bodies])), low_memory=False)
        tables.append(table.assign(run=np.repeat(names, counts)))
    if not tables:
        return runs
    scores = pd.concat(tables, ignore_index=True)
    return runs.merge(scores, how="left", on="run")


def _cached(folder):
    """Return (run, record, header, body, n_rows) of every run, read anew where it has changed."""
    now = {path.name: _stamp(path) for path in sorted((folder / "runs").glob("*"))}
    now = {name: stamp for name, stamp in now.items() if stamp}
    known = _read_cache(folder / CACHE)
    new = {}
    for name, stamp in now.items():
        if known.get(name, ("",))[0] != stamp:
            new[name] = (stamp, *_read_run(folder / "runs" / name))
    gone = known.keys() - now.keys()
    if new or gone:
        with suppress(OSError, sqlite3.Error):  # a folder that cannot be written is read each time
            _write_cache(folder / CACHE, new, gone)
    known |= new
    _warn(folder, known, now)
    return [(name, *known[name][1:-1]) for name in now if known[name][1] is not None]


def _stamp(folder):
    """Return what changes when the record or the scores of a run are edited; "" for no run."""
    told = []
    for name in (RECORD, "scores.csv"):
        try:
            found = (folder / name).stat()
        except OSError:
            if name == RECORD:
                return ""
            continue
        told.append(f"{found.st_mtime_ns}.{found.st_size}.{found.st_ino}")
    return " ".join(told)


def _read_run(folder):
    """Return record, header, body, number of rows, and what is wrong with it."""
    try:
        record = _read_record(folder / RECORD)
    except (OSError, ValueError, SyntaxError) as error:
        return None, "", "", 0, f"{RECORD}\0{error}"
    told = json.dumps(record, default=str)
    path = folder / "scores.csv"
    if not path.exists():
        return told, "", "", 0, ""
    try:
        count = len(_read_table(path))
        header, _, body = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError) as error:
        return told, "", "", 0, f"{path.name}\0{error}"
    return told, f"{header}\n", body, count, ""


def _warn(folder, known, now):
    for name in now:
        if wrong := known[name][-1]:
            file, _, error = wrong.partition("\0")
            with warnings.catch_warnings(record=False):
                _left_out(folder / "runs" / name / file, error)


def _read_cache(path):
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as cache:
            if cache.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                return {}
            return {name: tuple(rest) for name, *rest in cache.execute("SELECT * FROM runs")}
    except sqlite3.Error:  # damaged: it is made anew
        return {}


def _write_cache(path, new, gone):
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as cache:
        if cache.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            _fill(cache, new, gone)
            return
    path.unlink(missing_ok=True)  # of another version, or damaged
    with closing(sqlite3.connect(path)) as cache:
        _fill(cache, new, gone)


def _fill(cache, new, gone):
    columns = "run PRIMARY KEY, stamp, record, header, body, n_rows, wrong"
    with cache:
        cache.execute(f"CREATE TABLE IF NOT EXISTS runs ({columns})")
        cache.executemany("DELETE FROM runs WHERE run = ?", [(name,) for name in gone])
        rows = [(name, *rest) for name, rest in new.items()]
        cache.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        cache.execute(f"PRAGMA user_version = {VERSION}")
