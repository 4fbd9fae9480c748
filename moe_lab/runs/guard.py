"""What looks after a run while its kernel works: memory, a stop that was asked for, progress."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moe_lab.runs.processes import Usage
from moe_lab.runs.secrets import Redactor

__all__ = ["Guard", "MemoryExceeded", "Stopped", "innermost"]

LOOK = 0.5  # seconds between two looks
_BAR = re.compile(r"^(?P<what>.*?):?\s*\d+%\|.*\|\s*(?P<count>\d[^\s\[]*/\d[^\s\[]*)\s*\[")


class MemoryExceeded(Exception):
    """The processes of a run took more memory than they may."""


class Stopped(Exception):
    """The sweep that a run belongs to was stopped."""


def innermost(line: str) -> str:
    """Return what a line says of the progress, a bar of tqdm in short.

    Examples
    --------
    >>> innermost("moe, fold:  67%|######7   | 2/3 [00:01<00:00,  1.5it/s]")
    'moe, fold 2/3'
    >>> innermost("fitting the gate")
    'fitting the gate'
    """
    bar = _BAR.match(line)
    return f"{bar['what']} {bar['count']}".strip() if bar else line


class Guard:
    """Looks at a run twice a second, and ends it where it must not go on.

    Parameters
    ----------
    memory : int, optional
        Bytes that all processes of the run may take together.
    stop : Path, optional
        A file that asks for a stop as soon as it exists.
    tell : callable, optional
        Told what the run says of itself, when that has changed; with ``news=True`` a line to keep.
    redactor : Redactor, optional
        Takes secrets out of all that is told.
    """

    def __init__(
        self,
        *,
        memory: int | None = None,
        stop: Path | None = None,
        tell: Callable | None = None,
        redactor: Redactor | None = None,
    ):
        self.memory = memory
        self.stop = stop
        self.redactor = redactor or Redactor({})
        self.usage = Usage()
        self.ended: Exception | None = None
        self._tell = tell or (lambda text, news=False: None)
        self._says, self._said = "", ""

    def show(self, line: str) -> None:
        """Take what stands in the latest line of the run's output."""
        if line:
            self._says = line

    def news(self, line: str) -> None:
        """Tell a line that the notebook marks as news."""
        self._tell(line, news=True)

    def cell(self, number: int, total: int) -> None:
        """Take that a cell starts."""
        self._says = f"cell {number}/{total}"

    async def over(self, manager: Any, work: asyncio.Task) -> None:
        """Look until cancelled; cancel the work for a reason that `ended` then gives."""
        while self.ended is None:
            self.look(manager)
            self.say()
            await asyncio.sleep(LOOK)
        work.cancel()

    def say(self) -> None:
        """Tell what the run says of itself, if that has changed."""
        if self._says != self._said:
            self._said = self._says
            self._tell(innermost(self._says))

    def look(self, manager: Any) -> None:
        """See once how things stand."""
        if self.stop is not None and self.stop.exists():
            self.ended = Stopped()
        if manager.process is None:
            return
        manager.log_file.bound()
        pid = manager.process.pid
        taken = self.usage.look(pid)
        if self.memory and taken > self.memory:
            taken = self.usage.exact_memory(pid)
            if taken > self.memory:
                self.ended = MemoryExceeded(taken, self.memory)
