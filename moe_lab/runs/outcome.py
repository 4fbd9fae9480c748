"""What came of a run that was asked for."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Parameters
    ----------
    title : str
        Notebook and data set.
    status : {"done", "skipped", "failed", "died", "timeout"}
    path : Path
        The run's folder.
    seconds : float
    error : str, optional
    reason : str, default=""
        Why it was skipped, or run again.
    found : str, default=""
        Of a skipped run: how the one ended that stands.
    key : str, default=""
    """

    title: str
    status: str
    path: Path
    seconds: float = 0.0
    error: str | None = None
    reason: str = ""
    found: str = ""
    key: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is no result, of this run or of the one that stands."""
        return (self.found or self.status) != "done"
