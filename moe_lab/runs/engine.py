"""The engine: many runs, in this process or on workers, each done once and told as it ends.

A run is a sweep of one. Before the first starts, all that is wrong is told; then every run ends
with a status, and what is published stays whatever happens to the rest.
"""

import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moe_lab.registry import lab_root
from moe_lab.runs.attempt import Job, Settings, skipped, standing
from moe_lab.runs.claim import Watch
from moe_lab.runs.code import code_here
from moe_lab.runs.events import Finished, Queued, Skipped, Told
from moe_lab.runs.forks import CAN_FORK, end_server
from moe_lab.runs.here import Here
from moe_lab.runs.lost import Lost, WorkerLost
from moe_lab.runs.outcome import Outcome
from moe_lab.runs.plan import Planned
from moe_lab.runs.processes import memory_bytes
from moe_lab.runs.read import read_runs
from moe_lab.runs.store import check_writable, clear_dead
from moe_lab.runs.takeover import free_number

__all__ = ["ENGINES", "outcomes", "run_all", "survey"]

ENGINES = ("kernel", "fork")
PATIENCE = 0.5  # seconds between two looks at runs that somebody else is at


def run_all(
    plans: list[Planned],
    *,
    results_dir: str | Path = "results",
    on_event: Callable | None = None,
    **settings: Any,
) -> list[Outcome]:
    """Do all runs that are not done yet; return what came of each, in the order asked for.

    Parameters
    ----------
    plans : list of Planned
        From `plan_runs`; of equal ones, one is done.
    results_dir : str or Path, default="results"
    on_event : callable, optional
        Told each `Event`, in this thread.
    **settings
        See `outcomes`.

    Returns
    -------
    outcomes : list of Outcome
    """
    came = outcomes(plans, results_dir=results_dir, on_event=on_event, **settings)
    by_key = {outcome.key: outcome for outcome in came}
    return [by_key[plan.key] for plan in plans]


def survey(
    plans: list[Planned],
    *,
    results_dir: str | Path = "results",
    retry: bool = False,
    force: bool = False,
    strict_versions: bool = False,
) -> list[tuple[Planned, dict | None, str]]:
    """Say of each run whether it has to be done; nothing is started.

    Returns
    -------
    found : list of (Planned, dict or None, str)
        The record that stands, None for a run to do; and why.
    """
    asked: dict = {"retry": retry, "force": force, "strict_versions": strict_versions}
    settings = Settings(Path(results_dir), "", None, [], {}, **asked)
    every = {name: read_runs(name, results_dir) for name in {plan.experiment for plan in plans}}
    of_key: dict = {}
    for name, records in every.items():
        for record in records:
            of_key.setdefault((name, record["key"]), []).append(record)
    found = []
    for plan in plans:  # all of an experiment only where it must be said what has changed
        records = of_key.get((plan.experiment, plan.key)) or every[plan.experiment]
        found.append((plan, *standing(plan, settings, records)))
    return found


def outcomes(
    plans: list[Planned],
    *,
    results_dir: str | Path = "results",
    workers: int = 1,
    cluster: str | None = None,
    engine: str = "kernel",
    timeout: float | None = None,
    memory: float | str | None = None,
    retry: bool = False,
    force: bool = False,
    strict_versions: bool = False,
    on_event: Callable | None = None,
) -> Iterator[Outcome]:
    """Do all runs that are not done yet; yield what came of each, as it ends.

    Parameters
    ----------
    plans : list of Planned
    results_dir : str or Path, default="results"
    workers : int, default=1
        Runs at a time; one is done in this process, more by Dask.
    cluster : str, optional
        "local:N", or the address of a Dask scheduler, tcp://HOST:PORT.
    engine : {"kernel", "fork"}, default="kernel"
        A fresh Python for each run; or, on Linux, a fork of one that has imported the libraries.
    timeout : float, optional
        Seconds for one run.
    memory : float or str, optional
        For one run with all its processes: bytes, or as "4GB".
    retry : bool, default=False
        Do again what failed, died or took too long.
    force : bool, default=False
        Do again what is finished, too.
    strict_versions : bool, default=False
        Do again what was made with other versions of the libraries.
    on_event : callable, optional

    Yields
    ------
    outcome : Outcome

    Raises
    ------
    ValueError, ImportError, OSError
        Before any run starts, if something does not fit; ConnectionError if a cluster is lost.
    """
    _check(workers, engine, timeout)
    tell = on_event or (lambda event: None)
    if engine == "fork" and not CAN_FORK:
        engine = "kernel"
        tell(Told("", "", "--engine fork is for Linux: each run gets an ordinary kernel here."))
    folder = check_writable(results_dir)
    clear_dead(folder)
    asked: dict = {"retry": retry, "force": force, "strict_versions": strict_versions}
    root, notebooks = lab_root(), sorted({plan.notebook for plan in plans})
    settings = Settings(
        results_dir=folder,
        sweep=uuid.uuid4().hex[:12],
        root=str(root) if root else None,
        notebooks=notebooks,
        code=code_here(str(root) if root else None, notebooks),
        timeout=timeout,
        memory=memory_bytes(memory),
        engine=engine,
        **asked,
    )
    unique = list({plan.key: plan for plan in plans}.values())
    waiting: deque = deque()
    for plan, record, reason in survey(unique, results_dir=folder, **asked):
        if record:
            yield _told(skipped(plan, record, reason), tell)
        else:
            tell(Queued(plan.key, plan.name))
            waiting.append(Job(plan, settings, again=reason))
    if waiting:
        with _place(workers, cluster, settings, tell) as place:
            yield from _work(place, waiting, tell)


def _work(place, waiting, tell):
    """Keep every worker at one run until all have ended."""
    watch, running, lost = Watch(), {}, Lost()
    while waiting or running or lost:
        started = _fill(place, waiting, running, watch)
        for future in place.ended(running):
            job = running.pop(future)
            try:
                outcome = place.result(future)
            except WorkerLost:
                if lost.had_begun(job):
                    lost.add(job)
                else:
                    waiting.appendleft(lost.once_more(job))
                continue
            if outcome is None:
                waiting.append(job)
            else:
                yield _told(outcome, tell)
        for outcome in lost.found():
            tell(Told("", "", f"{outcome.title}: its worker was lost."))
            yield _told(outcome, tell)
        waiting.extend(lost.not_begun())
        if not started and not running:
            time.sleep(PATIENCE)


def _fill(place, waiting, running, watch):
    """Start runs that nobody is at, as many as there are idle workers; return how many."""
    started = 0
    for _ in range(len(waiting)):
        if len(running) >= place.slots():
            break
        job = waiting.popleft()
        number = free_number(job.settings.scratch, job.plan.key, watch)
        if number is None:
            waiting.append(job)
            continue
        job = Job(job.plan, job.settings, number, job.again)
        running[place.submit(job)] = job
        started += 1
    return started


def _told(outcome, tell):
    first = (outcome.error or "").partition("\n")[0] or None
    if outcome.status == "skipped":
        event = Skipped(outcome.key, outcome.title, outcome.found, outcome.reason, outcome.path)
    else:
        event = Finished(
            outcome.key, outcome.title, outcome.status, outcome.seconds, first, outcome.path
        )
    tell(event)
    return outcome


@contextmanager
def _place(workers, cluster, settings, tell):
    """Give the place where runs are done; an interruption ends those in progress."""
    if workers == 1 and cluster is None:
        try:
            yield Here(tell)
        finally:
            end_server()
        return
    from moe_lab.runs.cluster import Cluster

    with Cluster(workers, cluster, settings, tell) as place:
        yield place


def _check(workers, engine, timeout):
    if type(workers) is not int or workers < 1:
        raise ValueError(f"--workers must be a whole number of at least 1, got {workers!r}.")
    if engine not in ENGINES:
        raise ValueError(f"--engine must be one of {', '.join(ENGINES)}, got {engine!r}.")
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        raise ValueError(
            f"--timeout must be a number of seconds above 0, got {timeout:g}; leave it out for a "
            "run without a limit."
        )
