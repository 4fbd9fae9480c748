"""Runs done by the workers of a Dask cluster: processes of this machine, or of others."""

import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from moe_lab.runs import events
from moe_lab.runs.attempt import Job, Settings, attempt
from moe_lab.runs.code import check_code
from moe_lab.runs.forks import CAN_FORK, end_server
from moe_lab.runs.lost import WorkerLost
from moe_lab.runs.outcome import Outcome
from moe_lab.runs.store import remove_empty

__all__ = ["Cluster", "ClusterLost"]

ANSWER = 10.0  # seconds for a cluster to answer, and for runs to stop
EMPTY = 60.0  # seconds without any worker before a cluster is given up
LOOK = 0.2


class ClusterLost(ConnectionError):
    """The cluster does not answer, or no longer."""


class Cluster:
    """The workers of a cluster, each of one thread and at one run at a time.

    Parameters
    ----------
    workers : int
        How many processes of this machine, where no cluster is named.
    address : str or None
        "local:N", or tcp://HOST:PORT.
    settings : Settings
    tell : callable
        Told each event.

    Raises
    ------
    ClusterLost
        If there is no answer.
    ValueError
        If a worker has other code, another results folder or several threads.
    """

    def __init__(self, workers: int, address: str | None, settings: Settings, tell: Callable):
        self._client, self._local = _connect(workers, address)
        self._address = self._client.scheduler.address
        self._settings, self._tell = settings, tell
        self._said: queue.SimpleQueue = queue.SimpleQueue()
        self._seen = time.monotonic()

    def __enter__(self):
        try:
            self._check()
            topic = f"moe_lab-{self._settings.sweep}"
            self._client.subscribe_topic(topic, lambda event: self._said.put(_event(event[1])))
            self._client.run_on_scheduler(_no_second_try)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is not None:
                self._stop()
            with suppress(Exception):  # a worker may be gone
                self._client.run(end_server)
        finally:
            self._close()
            self._settings.stop.unlink(missing_ok=True)
            remove_empty(self._settings.scratch)

    def slots(self) -> int:
        """Return how many runs may be given to workers: a queued one would die with another."""
        try:
            count = len(self._client.nthreads())
        except (OSError, RuntimeError, TypeError) as error:
            raise self._gone() from error
        now = time.monotonic()
        if count:
            self._seen = now
        elif now - self._seen > EMPTY:
            raise self._gone()
        return count

    def submit(self, job: Job) -> Any:
        """Let a worker do a run."""
        job = replace(job, settings=replace(job.settings, share=self._share))
        return self._client.submit(_on_worker, job, pure=False, retries=0)

    def ended(self, futures: Collection) -> list:
        """Wait a little; tell what workers have said; return the futures that have ended."""
        from distributed import CancelledError, wait

        try:
            if futures:
                wait(list(futures), timeout=LOOK, return_when="FIRST_COMPLETED")
        except TimeoutError:
            pass
        except CancelledError as error:  # of all that wait, when the scheduler is lost
            raise self._gone() from error
        done = [future for future in futures if future.status != "pending"]
        while not self._said.empty():
            self._tell(self._said.get())
        return done

    def result(self, future: Any) -> Outcome | None:
        """Return what came of a run.

        Raises
        ------
        WorkerLost
            If its worker has gone.
        ClusterLost
            If all have.
        """
        from distributed import CancelledError, KilledWorker

        try:
            return future.result(timeout=ANSWER)
        except KilledWorker as error:
            raise WorkerLost from error
        except (CancelledError, TimeoutError) as error:
            raise self._gone() from error

    def _check(self):
        """See that every worker has one thread, the same code and the same results folder."""
        with suppress(TimeoutError):
            self._client.wait_for_workers(1, timeout=ANSWER)
        threads = self._client.nthreads()
        if not threads:
            raise ClusterLost(
                f"A cluster must have workers, got none at {self._address}; start one: dask worker "
                f"{self._address} --nthreads 1 --memory-limit 0."
            )
        for worker, count in threads.items():
            if count != 1:
                raise ValueError(
                    f"A worker must have one thread, got {count} at {worker}; start it with "
                    "--nthreads 1, and several with --nworkers."
                )
        hosts = Counter(urlsplit(worker).hostname for worker in threads)
        self._share = max(hosts.values())
        token = self._settings.scratch / f"here.{self._settings.sweep}"
        token.parent.mkdir(exist_ok=True)
        token.touch()
        try:
            for worker, wrong in self._client.run(_wrong_at, self._settings, str(token)).items():
                if wrong:
                    raise ValueError(wrong.replace("A worker", f"The worker {worker}", 1))
        finally:
            token.unlink(missing_ok=True)

    def _gone(self):
        return ClusterLost(
            f"The cluster must answer until the sweep has ended, got nothing from {self._address}; "
            "what is published stays, and the same command continues with the rest."
        )

    def _stop(self):
        """Ask the workers to end their kernels, and give them time: Dask ends nothing."""
        if self._client.status != "running":
            return
        with suppress(OSError):
            self._settings.stop.touch()
        end = time.monotonic() + ANSWER
        while time.monotonic() < end and self._client.status == "running":
            states = [one.status for one in self._client.futures.values()]
            if "pending" not in states:
                break
            time.sleep(LOOK)

    def _close(self):
        for part in (self._client, self._local):
            if part is not None:
                with suppress(Exception):  # it may be gone already
                    part.close(timeout=ANSWER)


def _connect(workers, address):
    """Return a client, and the cluster of this machine that it has, or None."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ImportError(
            "distributed is not installed; run pip install 'moe_lab[cluster]', or leave out "
            "--workers and --cluster."
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is told by us
    if address is None or address.startswith("local:"):
        count = workers if address is None else _count(address)
        own = {"distributed.scheduler.allowed-failures": 0}
        own |= {"distributed.nanny.pre-spawn-environ": {}}  # runs have their own caps
        with dask.config.set(own):
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        return Client(cluster), cluster
    try:
        return Client(address, timeout=ANSWER), None
    except (OSError, ValueError, TypeError) as error:
        raise ClusterLost(
            f"--cluster must be the address of a Dask scheduler that answers, got {address!r} "
            f"({type(error).__name__}); see that it runs, tcp://HOST:PORT, or take local:N."
        ) from error


def _count(address):
    count = address.removeprefix("local:")
    if not count.isdigit() or not int(count):
        raise ValueError(f"--cluster must be local:N or tcp://HOST:PORT, got {address!r}.")
    return int(count)


def _no_second_try(dask_scheduler):
    dask_scheduler.allowed_failures = 0


def _wrong_at(settings, token):
    """Return, on a worker, what hinders it; or None."""
    from pathlib import Path

    if settings.engine == "fork" and not CAN_FORK:
        return "A worker must be on Linux for --engine fork, got another system; leave it out."
    if not Path(token).exists():
        return f"A worker must see the results folder, got nothing at {settings.results_dir}."
    try:
        check_code(settings.code, settings.root, settings.notebooks)
    except ValueError as error:
        return str(error)
    return None


def _on_worker(job):
    """Do a run in a worker, and let what it says go to those who listen."""
    import os

    from distributed import get_worker

    if job.settings.root:
        os.environ["MOE_LAB_ROOT"] = job.settings.root
    worker = get_worker()
    topic = f"moe_lab-{job.settings.sweep}"
    return attempt(job, lambda event: worker.log_event(topic, _words(event)))


def _words(event):
    """Return an event as what may be sent."""
    return {"kind": type(event).__name__, "fields": asdict(event)}


def _event(words):
    """Undo `_words`."""
    return getattr(events, words["kind"])(**words["fields"])
