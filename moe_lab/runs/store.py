"""The result store: a run is a folder that appears by one rename, complete or not at all.

results/EXPERIMENT/runs/RUN/ holds run.json (written last), scores.csv, the executed notebook,
figures/ and a log. Until then a run lives in results/.tmp/, on the same file system, with a claim
in it. A finished run of a key bears the key as its name, so that there is no second one; others
bear their time. Leaderboards are derived from the runs, never stored.
"""

import json
import os
import re
import shutil
import socket
import tempfile
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from moe_lab.registry import lab_root
from moe_lab.runs.claim import Claim, Watch
from moe_lab.runs.literals import from_json, to_json
from moe_lab.runs.processes import end_workers_of
from moe_lab.runs.secrets import Redactor
from moe_lab.runs.takeover import drop_dead

__all__ = [
    "AlreadyDone",
    "check_writable",
    "clear_dead",
    "drop_scratch",
    "new_scratch",
    "next_number",
    "publish",
    "remove_empty",
    "results_folder",
    "runs_of_key",
]

SCRATCH = ".tmp"
RECORD = "run.json"
CLAIM = ".claim"
BEGUN = ".begun.json"  # what is known of a run before it starts
KILLED = "The process that ran it was killed, or its machine went down."


class NotWritable(OSError, ValueError):
    """A results folder that takes no files: a user's mistake, or a disk that has filled up."""


class AlreadyDone(FileExistsError):
    """Somebody else has published a finished run of the same key."""


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


def new_scratch(results_dir: str | Path, begun: dict | None = None) -> Path:
    """Make a folder for a run in progress, and clear away those that nobody works on any more.

    Parameters
    ----------
    results_dir : str or Path
    begun : dict, optional
        What the record says already, its experiment at least: should this process be killed,
        whoever finds the folder publishes it as a run that died.
    """
    scratch = check_writable(results_dir) / SCRATCH
    clear_dead(results_dir)
    folder = scratch / f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    while True:
        try:
            folder.mkdir(parents=True)
            break
        except FileNotFoundError:  # another process has just removed the empty .tmp/
            continue
    try:
        _claims[folder] = Claim(folder / CLAIM, each_beat=lambda: _clear(scratch))
        if begun is not None:
            (folder / BEGUN).write_text(json.dumps(_as_json(begun), default=str), "utf-8")
    except OSError:
        drop_scratch(folder)
        raise
    return folder


def runs_of_key(experiment: str, key: str, results_dir: str | Path = "results") -> list[Path]:
    """Return the folders of runs that may be of a key, by their names alone."""
    runs = results_folder(results_dir) / experiment / "runs"
    return sorted(runs.glob(f"*{key[:8]}*"))


def next_number(experiment: str, key: str, results_dir: str | Path = "results") -> int:
    """Return 1 if no finished run of a key is there, else one more than the latest has.

    A repetition (--force, or a plugin that has changed) does not replace what is there.
    """
    name = re.compile(rf"(?:.*-)?{key}(?:-(\d+))?")
    names = (path.name for path in runs_of_key(experiment, key, results_dir))
    return 1 + max((int(one[1] or 1) for one in map(name.fullmatch, names) if one), default=0)


def drop_scratch(folder: Path) -> None:
    """Remove a run in progress, if it is still there, and .tmp/ if that leaves it empty."""
    _release(folder)
    shutil.rmtree(folder, ignore_errors=True)
    remove_empty(Path(folder).parent)


def publish(folder: Path, experiment: str, record: dict, number: int | None = None) -> Path:
    """Write run.json into a run's folder and let it appear among the finished ones.

    Parameters
    ----------
    folder : Path
        From `new_scratch`, with all other files written.
    experiment : str
    record : dict
        What run.json says: status, key, parameters, versions, git_commit, seconds, error, ...
    number : int, optional
        From `next_number`: the run is then named by its key, and published only once.

    Returns
    -------
    run : Path
        results/EXPERIMENT/runs/RUN.

    Raises
    ------
    AlreadyDone
        If there is a run of that key and number.
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
    target = _appear(folder, runs, record, number)
    remove_empty(Path(folder).parent)
    return target


def _appear(folder, runs, record, number=None):
    """Write the record, then rename: there is no run without one."""
    finished = datetime.now(UTC)
    Redactor(record.get("parameters", {})).files(sorted(folder.rglob("*")))
    _write_record(folder, {**record, "finished": finished.isoformat(timespec="microseconds")})
    (folder / BEGUN).unlink(missing_ok=True)
    if number is None:
        name = _joined(f"{finished:%Y%m%dT%H%M%S}", _slug(record), (record.get("key") or "")[:8])
        return _rename(folder, runs / name)
    target = runs / _joined(_slug(record), record["key"], f"{number}" if number > 1 else "")
    try:
        os.rename(folder, target)
    except OSError as error:
        if target.exists():
            raise AlreadyDone(f"{target} is there: this run was done twice.") from error
        raise
    return target


def _joined(*parts):
    return "-".join(part for part in parts if part)


def _release(folder):
    """End the claim on a folder; tell whether it was still held."""
    claim = _claims.pop(Path(folder), None)
    held = claim.is_held() if claim else Path(folder).is_dir()
    if claim:
        claim.release()
    return held


def _write_record(folder, record):
    """Write run.json so that it is on the disk before the folder is renamed."""
    record = _as_json(record)
    with open(Path(folder) / RECORD, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=2, default=str)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _as_json(record):
    parameters, literals = to_json(record.get("parameters", {}))
    return {**record, "parameters": parameters, "literals": literals}


def _slug(record):
    name = str(record.get("parameters", {}).get("dataset", ""))
    return "".join(c if c.isalnum() or c in "_-" else "-" for c in Path(name).stem)[:40]


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


def clear_dead(results_dir: str | Path) -> None:
    """Clear away what the dead have left: a run that had begun is published as one that died."""
    _clear(results_folder(results_dir) / SCRATCH)


def _clear(scratch):
    """Take each by a rename first: then no other observer, and no zombie, can publish it."""
    for folder in scratch.glob("*-*-*"):
        pid = folder.name.split("-")[-2]
        if folder in _claims or not _watch.is_dead(
            folder / CLAIM, int(pid) if pid.isdigit() else None
        ):
            continue
        grave = folder.with_name(f"dead.{uuid.uuid4().hex}")
        with suppress(OSError):  # another observer was quicker
            os.rename(folder, grave)
            end_workers_of(folder)
    for grave in scratch.glob("dead.*"):
        with suppress(OSError):  # a full disk: it waits; or another observer was quicker
            _bury(grave)
    with suppress(OSError):
        drop_dead(scratch, _watch)
    remove_empty(scratch)


def _bury(grave):
    """Publish what is left of a run that had begun; remove the rest."""
    try:
        begun = json.loads((grave / BEGUN).read_text("utf-8"))
        begun["parameters"] = from_json(begun["parameters"], begun["literals"])
        runs = grave.parents[1] / begun["experiment"] / "runs"
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        shutil.rmtree(grave, ignore_errors=True)
        return
    runs.mkdir(parents=True, exist_ok=True)
    (grave / CLAIM).unlink(missing_ok=True)
    _appear(grave, runs, {**begun, "status": "died", "error": KILLED})


def _host():
    return "".join(c if c.isalnum() else "_" for c in socket.gethostname()) or "host"


def remove_empty(scratch: Path) -> None:
    """Remove the folder of runs in progress when there are none."""
    with suppress(OSError):  # not empty, or gone
        os.rmdir(scratch)
