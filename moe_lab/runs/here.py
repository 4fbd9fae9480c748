"""Runs done in this process, one after the other."""

from collections.abc import Callable, Collection
from concurrent.futures import Future

from moe_lab.runs.attempt import Job, attempt
from moe_lab.runs.outcome import Outcome

__all__ = ["Here"]


class Here:
    """The place that is always there: this process.

    Parameters
    ----------
    tell : callable
        Told each event.
    """

    def __init__(self, tell: Callable):
        self._tell = tell

    def slots(self) -> int:
        """Return how many runs are done at a time."""
        return 1

    def submit(self, job: Job) -> Future:
        """Do a run."""
        future: Future = Future()
        future.set_result(attempt(job, self._tell))
        return future

    def ended(self, futures: Collection[Future]) -> list[Future]:
        """Return those that have ended: all."""
        return list(futures)

    def result(self, future: Future) -> Outcome | None:
        """Return what came of a run."""
        return future.result()
