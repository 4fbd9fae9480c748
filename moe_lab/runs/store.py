"""The result store: a run is a folder that appears by one rename, complete or not at all.

results/EXPERIMENT/runs/RUN/ holds run.json (written last), scores.csv, the executed notebook,
figures/ and a log. Until then a run lives in results/.tmp/, on the same file system. Leaderboards
are derived from the runs, never stored.
"""

import json
import os
import shutil
import socket
import tempfile
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from moe_lab.registry import lab_root

__all__ = ["check_writable", "drop_scratch", "new_scratch", "publish", "results_folder"]

SCRATCH = ".tmp"
RECORD = "run.json"


def results_folder(results_dir="results") -> Path:
    """Return the absolute results folder: relative ones lie below the lab root."""
    return (lab_root() or Path.cwd()) / Path(results_dir).expanduser()


def check_writable(results_dir) -> Path:
    """Return the results folder after a try at writing into it, before any work is done.

    Raises
    ------
    ValueError
        If it cannot be written.
    """
    folder = results_folder(results_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.rmdir(tempfile.mkdtemp(prefix=".try-", dir=folder))
    except OSError as error:
        raise ValueError(
            f"results_dir must be a folder that can be written, got {str(folder)!r} "
            f"({error.strerror}); make it writable, or choose another with results_dir."
        ) from error
    return folder


def new_scratch(results_dir) -> Path:
    """Make this process's folder for a run in progress, and clear away those of dead ones."""
    scratch = check_writable(results_dir) / SCRATCH
    _clear_dead(scratch)
    folder = scratch / f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileNotFoundError:  # another process has just removed the empty .tmp/
            continue


def drop_scratch(folder) -> None:
    """Remove a run in progress, if it is still there, and .tmp/ if that leaves it empty."""
    shutil.rmtree(folder, ignore_errors=True)
    _remove_empty(Path(folder).parent)


def publish(folder, experiment, record) -> Path:
    """Write run.json into a run's folder and let it appear among the finished ones.

    Parameters
    ----------
    folder : Path
        From `new_scratch`, with all other files written.
    experiment : str
    record : dict
        What run.json says: status, key, parameters, versions, git_commit, seconds, error, ...

    Returns
    -------
    run : Path
        results/EXPERIMENT/runs/RUN.
    """
    runs = Path(folder).parents[1] / experiment / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    finished = datetime.now(UTC)
    _write_record(folder, {**record, "finished": finished.isoformat(timespec="microseconds")})
    name = "-".join(part for part in (f"{finished:%Y%m%dT%H%M%S}", _slug(record)) if part)
    target = _rename(folder, runs / name)
    _remove_empty(Path(folder).parent)
    return target


def _write_record(folder, record):
    """Write run.json so that it is on the disk before the folder is renamed."""
    with open(Path(folder) / RECORD, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=2, default=str)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _slug(record):
    name = str(record.get("parameters", {}).get("dataset", ""))
    safe = "".join(c if c.isalnum() or c in "_-" else "-" for c in Path(name).stem)
    return "-".join(part for part in (safe[:40], (record.get("key") or "")[:8]) if part)


def _rename(folder, target):
    """Rename to the target, or to target-2, -3, ... where that is taken."""
    tried, number = target, 1
    while True:
        try:
            os.rename(folder, tried)
            return tried
        except OSError:
            if not tried.exists():
                raise
            number += 1
            tried = target.with_name(f"{target.name}-{number}")


def _clear_dead(scratch):
    import psutil

    for folder in scratch.glob(f"{_host()}-*"):
        pid = folder.name.removeprefix(f"{_host()}-").partition("-")[0]
        if not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _host():
    return "".join(c if c.isalnum() else "_" for c in socket.gethostname()) or "host"


def _remove_empty(scratch):
    with suppress(OSError):  # not empty, or gone
        os.rmdir(scratch)
