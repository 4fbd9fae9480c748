"""What `run_all` tells while it works: one small record an event, in the order they happen."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Event", "Finished", "Progressed", "Queued", "Skipped", "Started", "Told"]


@dataclass(frozen=True)
class Event:
    """Something that happened to one run.

    Parameters
    ----------
    key : str
        The run's key; "" where the sweep as a whole is meant.
    title : str
        Notebook and what tells the run from its neighbours.
    """

    key: str
    title: str


@dataclass(frozen=True)
class Queued(Event):
    """The run has to be done; told of all of them before the first starts."""


@dataclass(frozen=True)
class Started(Event):
    """A kernel is about to start.

    Parameters
    ----------
    again : str, default=""
        Why it is done once more.
    host : str, default=""
        Where.
    """

    again: str = ""
    host: str = ""


@dataclass(frozen=True)
class Progressed(Event):
    """What the run says of itself now, at most once a second.

    Parameters
    ----------
    text : str
        Its innermost progress, as "moe, fold 2/3".
    news : bool, default=False
        Whether it is a line to keep, rather than the state of a bar.
    """

    text: str = ""
    news: bool = False


@dataclass(frozen=True)
class Finished(Event):
    """The run came to an end in this sweep.

    Parameters
    ----------
    status : {"done", "failed", "died", "timeout"}
    seconds : float
    error : str or None
        Its first line.
    path : Path
        The run's folder.
    """

    status: str = "done"
    seconds: float = 0.0
    error: str | None = None
    path: Path = Path()


@dataclass(frozen=True)
class Skipped(Event):
    """The run was there before.

    Parameters
    ----------
    status : str
        Of the record that stands: "done", or what it failed with.
    reason : str
    path : Path
        The run's folder.
    """

    status: str = "done"
    reason: str = ""
    path: Path = Path()


@dataclass(frozen=True)
class Told(Event):
    """A sentence about the sweep as a whole: a worker that was lost, the dashboard's address.

    Parameters
    ----------
    text : str
    """

    text: str = ""
