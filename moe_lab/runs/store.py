"""The result store: a run is a folder that appears by one rename, complete or not at all.

results/EXPERIMENT/runs/RUN/ holds run.json (written last), scores.csv, the executed notebook,
figures/ and a log. Until then a run lives in results/.tmp/, on the same file system, with a claim
in it. Leaderboards are derived from the runs, never stored.
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
from moe_lab.runs.claim import Claim, Watch
from moe_lab.runs.literals import to_json

__all__ = ["check_writable", "drop_scratch", "new_scratch", "publish", "results_folder"]

SCRATCH = ".tmp"
RECORD = "run.json"
CLAIM = ".claim"


class NotWritable(OSError, ValueError):
    """A results folder that takes no files: a user's mistake, or a disk that has filled up."""


_watch = Watch()
_claims: dict = {}  # of this process: folder -> Claim


def results_folder(results_dir: str | Path = "results") -> Path:
    """Return the absolute results folder: relative ones lie below the lab root."""
    return (lab_root() or Path.cwd()) / Path(results_dir).expanduser()


def check_writable(results_dir: str | Path) -> Path:
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
        raise NotWritable(
            f"results_dir must be a folder that can be written, got {str(folder)!r} "
            f"({error.strerror}); make it writable, or choose another with results_dir."
        ) from error
    return folder


def new_scratch(results_dir: str | Path) -> Path:
    """Make a folder for a run in progress, and clear away those that nobody works on any more."""
    scratch = check_writable(results_dir) / SCRATCH
    _clear_dead(scratch)
    folder = scratch / f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    while True:
        try:
            folder.mkdir(parents=True)
            break
        except FileNotFoundError:  # another process has just removed the empty .tmp/
            continue
    try:
        _claims[folder] = Claim(folder / CLAIM, each_beat=lambda: _clear_dead(scratch))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def drop_scratch(folder: Path) -> None:
    """Remove a run in progress, if it is still there, and .tmp/ if that leaves it empty."""
    _release(folder)
    shutil.rmtree(folder, ignore_errors=True)
    _remove_empty(Path(folder).parent)


def publish(folder: Path, experiment: str, record: dict) -> Path:
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

    Raises
    ------
    FileNotFoundError
        If another process has taken this one for dead.
    """
    runs = Path(folder).parents[1] / experiment / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    if not _release(folder):
        raise FileNotFoundError(
            f"A run's folder must stay until it is published, got none at {folder}: another "
            "process saw no sign of life of this one for a minute. Run it again."
        )
    finished = datetime.now(UTC)
    _write_record(folder, {**record, "finished": finished.isoformat(timespec="microseconds")})
    name = "-".join(part for part in (f"{finished:%Y%m%dT%H%M%S}", _slug(record)) if part)
    target = _rename(folder, runs / name)
    _remove_empty(Path(folder).parent)
    return target


def _release(folder):
    """End the claim on a folder; tell whether it was still held."""
    claim = _claims.pop(Path(folder), None)
    held = claim.is_held() if claim else Path(folder).is_dir()
    if claim:
        claim.release()
    return held


def _write_record(folder, record):
    """Write run.json so that it is on the disk before the folder is renamed."""
    parameters, literals = to_json(record.get("parameters", {}))
    record = {**record, "parameters": parameters, "literals": literals}
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
    """Remove what the dead have left; by a rename first, so that none of it can be published."""
    for folder in scratch.glob("*-*-*"):
        pid = folder.name.split("-")[-2]
        if folder in _claims or not _watch.is_dead(
            folder / CLAIM, int(pid) if pid.isdigit() else None
        ):
            continue
        grave = folder.with_name(f"dead.{uuid.uuid4().hex}")
        with suppress(OSError):  # another observer was quicker
            os.rename(folder, grave)
            shutil.rmtree(grave, ignore_errors=True)
    for grave in scratch.glob("dead.*"):
        shutil.rmtree(grave, ignore_errors=True)


def _host():
    return "".join(c if c.isalnum() else "_" for c in socket.gethostname()) or "host"


def _remove_empty(scratch):
    with suppress(OSError):  # not empty, or gone
        os.rmdir(scratch)
