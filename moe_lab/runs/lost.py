"""Runs whose worker was lost: it costs the run, once, and not the sweep."""

import time
from collections.abc import Iterator

from moe_lab.runs.attempt import Job
from moe_lab.runs.outcome import Outcome
from moe_lab.runs.read import read_runs
from moe_lab.runs.store import clear_dead
from moe_lab.runs.takeover import leave, owner_of

__all__ = ["Lost", "WorkerLost"]

GRACE = 15.0  # seconds between the end of a claim and the belief that there was no more
TRIES = 3  # workers that may be lost before they start one and the same run


class WorkerLost(Exception):
    """The worker that had a run is gone."""


class Lost:
    """Waits until runs whose worker is gone are known to be dead, or done after all."""

    def __init__(self):
        self._jobs: list[Job] = []
        self._tries: dict[str, int] = {}
        self._bare: dict[str, float] = {}  # since when a run has neither a claim nor a record

    def __bool__(self):
        return bool(self._jobs)

    def had_begun(self, job: Job) -> bool:
        """Tell whether the worker had claimed the run before it was lost."""
        owner = owner_of(job.settings.scratch, job.plan.key, job.number)
        return owner.get("sweep") == job.settings.sweep or self._record(job) is not None

    def once_more(self, job: Job) -> Job:
        """Return a job that no worker has begun.

        Raises
        ------
        ConnectionError
            If that has happened too often.
        """
        count = self._tries[job.plan.key] = self._tries.get(job.plan.key, 0) + 1
        if count > TRIES:
            raise ConnectionError(
                f"A worker must live until it has begun a run, got {count} that were lost before "
                f"they began {job.plan.name}; see their own logs, then repeat the command."
            )
        return job

    def add(self, job: Job) -> None:
        """Wait for a run that had begun."""
        self._jobs.append(job)

    def found(self) -> Iterator[Outcome]:
        """Yield what came of those of which it is known by now."""
        for job in self._jobs[:]:
            clear_dead(job.settings.results_dir)
            record = self._record(job)
            if record is None:
                continue
            self._jobs.remove(job)
            leave(job.settings.scratch, job.plan.key, job.number)
            plan, seconds = job.plan, record["seconds"] or 0.0
            told = (record["status"], record["folder"], seconds, record["error"])
            yield Outcome(plan.name, *told, reason=job.again, key=plan.key)

    def not_begun(self) -> Iterator[Job]:
        """Yield those whose worker was lost between its claim and its first file."""
        now = time.monotonic()
        for job in self._jobs[:]:
            key = job.plan.key
            if owner_of(job.settings.scratch, key, job.number) or self._record(job):
                self._bare.pop(key, None)
            elif now - self._bare.setdefault(key, now) >= GRACE:
                self._jobs.remove(job)
                yield self.once_more(job)

    def _record(self, job):
        """Return what the run has left, published by itself or by who has found it dead."""
        plan, settings = job.plan, job.settings
        mine = {"sweep": settings.sweep, "attempt": job.number}
        for record in read_runs(plan.experiment, settings.results_dir, plan.key):
            if record["key"] == plan.key and mine.items() <= record.items():
                return record
        return None
