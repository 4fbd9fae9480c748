"""One run from its claim to its publication, in this process or in a worker's."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moe_lab.runs.code import check_code
from moe_lab.runs.dependencies import imported_libraries
from moe_lab.runs.events import Progressed, Started
from moe_lab.runs.kernel import execute
from moe_lab.runs.notebook import code_cells
from moe_lab.runs.outcome import Outcome
from moe_lab.runs.plan import Planned
from moe_lab.runs.provenance import provenance, versions
from moe_lab.runs.read import read_runs
from moe_lab.runs.skip import verdict
from moe_lab.runs.store import (
    SCRATCH,
    AlreadyDone,
    _host,
    drop_scratch,
    new_scratch,
    next_number,
    publish,
    remove_empty,
)
from moe_lab.runs.takeover import is_owner, leave, take

__all__ = ["Job", "Settings", "attempt", "skipped", "standing"]


@dataclass(frozen=True)
class Settings:
    """What holds for all runs of a sweep.

    Parameters
    ----------
    results_dir : Path
    sweep : str
        Tells this sweep from others at work on the same folder.
    root : str or None
        The lab root.
    notebooks : list of Path
    code : dict
        What `code_here` says where the sweep was started.
    timeout : float, optional
    memory : int, optional
    engine : {"kernel", "fork"}
    share : int, default=1
        Workers on one machine.
    retry, force, strict_versions : bool
    """

    results_dir: Path
    sweep: str
    root: str | None
    notebooks: list
    code: dict
    timeout: float | None = None
    memory: int | None = None
    engine: str = "kernel"
    share: int = 1
    retry: bool = False
    force: bool = False
    strict_versions: bool = False

    @property
    def scratch(self) -> Path:
        """Where claims and runs in progress lie."""
        return self.results_dir / SCRATCH

    @property
    def stop(self) -> Path:
        """The file that asks the workers of this sweep to stop."""
        return self.scratch / f"stop.{self.sweep}"

    @property
    def threads(self) -> int | None:
        """What numeric libraries may use, so that workers do not fight."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return max(1, (cores or 1) // self.share) if self.share > 1 else None


@dataclass(frozen=True)
class Job:
    """A run that has to be done, under the number of its claim."""

    plan: Planned
    settings: Settings
    number: int = 1
    again: str = ""


def standing(plan: Planned, settings: Settings, records: list[dict]) -> tuple[dict | None, str]:
    """Return the record that makes a run needless, if there is one, and why it is (not)."""
    record, reason = verdict(
        records, plan.parts, plan.parameters, strict_versions=settings.strict_versions
    )
    if record and record["status"] == "done":
        return (None, "--force") if settings.force else (record, reason)
    return (None, reason) if settings.retry or settings.force else (record, reason)


def skipped(plan: Planned, record: dict, reason: str) -> Outcome:
    """Return the outcome of a run that was there before."""
    found = record["status"]
    error = None if found == "done" else record["error"]
    where = record["folder"]
    return Outcome(plan.name, "skipped", where, 0.0, error, reason, found, plan.key)


def attempt(job: Job, tell: Callable) -> Outcome | None:
    """Do a run, if it is still to be done; None if somebody else is at it.

    Parameters
    ----------
    job : Job
    tell : callable
        Told `Started`, then `Progressed`.

    Raises
    ------
    Stopped
        If the sweep was stopped.
    """
    plan, settings = job.plan, job.settings
    check_code(settings.code, settings.root, settings.notebooks)
    try:
        claim = take(settings.scratch, plan.key, job.number, sweep=settings.sweep)
    except OSError as failure:  # a full disk
        return _no_room(job, failure, time.time())
    if claim is None:
        return None
    try:
        records = read_runs(plan.experiment, settings.results_dir, plan.key)
        record, reason = standing(plan, settings, records)
        if record and (record["status"] == "done" or job.number == 1):
            return skipped(plan, record, reason)
        tell(Started(plan.key, plan.name, again=job.again, host=_host()))
        return _run(job, claim, tell)
    finally:
        leave(settings.scratch, plan.key, job.number if is_owner(claim) else 0)
        claim.release()
        remove_empty(settings.scratch)


def _run(job, claim, tell):
    """Execute a run in a folder of its own and publish what came of it."""
    plan, settings, start, scratch = job.plan, job.settings, time.time(), None
    try:
        record = _record(job)
        scratch = new_scratch(settings.results_dir, record)
        number = next_number(plan.experiment, plan.key, settings.results_dir)
        parameters = dict(plan.parameters)
        if "results_dir" in parameters:
            parameters["results_dir"] = str(settings.results_dir)
        status, error, depended = execute(
            plan.notebook,
            scratch,
            parameters,
            cwd=plan.cwd,
            timeout=settings.timeout,
            memory=settings.memory,
            threads=settings.threads,
            forks=settings.engine == "fork",
            stop=settings.stop,
            tell=lambda text, news=False: tell(Progressed(plan.key, plan.name, text, news)),
        )
        seconds = round(time.time() - start, 1)
        record |= {"status": status, "seconds": seconds, "error": error}
        record |= {name: value for name, value in depended.items() if name != "versions"}
        record["versions"] = depended.get("versions", {}) | record["versions"]
        if not is_owner(claim):
            raise AlreadyDone("another process saw no sign of life of this one and took it over")
        path = publish(scratch, plan.experiment, record, number if status == "done" else None)
    except OSError as failure:  # a full disk: the next run may find room
        return _no_room(job, failure, start, scratch)
    finally:  # Ctrl-C: nothing half-written stays
        if scratch:
            drop_scratch(scratch)
    return Outcome(plan.name, status, path, seconds, error, job.again, "", plan.key)


def _no_room(job, failure, start, scratch=None):
    """Return the outcome of a run that could not be written."""
    where = failure.filename or scratch or job.settings.results_dir
    error = f"{failure.strerror}: {where}" if failure.strerror else str(failure)
    seconds, plan = round(time.time() - start, 1), job.plan
    folder = job.settings.results_dir
    return Outcome(plan.name, "failed", folder, seconds, error, job.again, "", plan.key)


def _record(job):
    """Return what is known before the run."""
    plan = job.plan
    sources = [source for source, _ in code_cells(plan.notebook)]
    return {
        "status": None,
        "key": plan.key,
        "parts": plan.parts,
        "experiment": plan.experiment,
        "by": "moe-lab run",
        "parameters": plan.parameters,
        "data": plan.data,
        "cwd": str(plan.cwd),
        "versions": versions() | imported_libraries(sources),
        **provenance(plan.parameters),
        "host": _host(),
        "sweep": job.settings.sweep,
        "attempt": job.number,
        "engine": job.settings.engine,
        "again": job.again or None,
    }
