"""The log of a run: what a notebook prints, kept in a file and told while it is printed."""

import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from moe_lab.progress import MARK

__all__ = ["Log", "as_seen", "open_log"]

_BREAKS = re.compile(r"(\r\n|\n|\r)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SHOWN = 300  # characters of a line that a terminal is told
MOST = 10_000_000  # characters that a log takes as they come
LAST = 1_000_000  # of those that come then, the last ones are kept


class Log(io.TextIOBase):
    """A text file that keeps of each line what stands there in the end, as a terminal does.

    Parameters
    ----------
    file : text file
    show : callable
        Told the end of what a line says, whenever it changes.
    redact : callable, default=str
        What is written of a line.
    tell : callable, optional
        Told a line that the notebook marks as news, when it has ended.

    Examples
    --------
    >>> file = io.StringIO()
    >>> _ = Log(file, show=str).write("fits:  0 %\\rfits: 50 %\\rfits: 100 %\\ndone\\n")
    >>> print(file.getvalue())
    fits: 100 %
    done
    <BLANKLINE>
    """

    def __init__(
        self,
        file: IO[str],
        show: Callable,
        tell: Callable | None = None,
        redact: Callable[[str], str] = str,
    ):
        self._file = file
        self._show = show
        self._tell = tell or show
        self._redact = redact
        # of the line that has not ended: joined once, however many there are
        self._pieces: list[str] = []
        self._end = ""  # what a terminal is told of them
        self._returned = False
        self._room = MOST
        self._late: deque[str] = deque()
        self._late_size = self._left_out = 0

    def write(self, text: str) -> int:
        """Take in text as a notebook's cells print it."""
        for piece in _BREAKS.split(_ESCAPES.sub("", text)):
            if piece == "\r":
                self._returned = True
            elif piece in ("\n", "\r\n"):
                self._end_line()
            elif piece:
                if self._returned:
                    self._clear()
                self._pieces.append(piece)
                self._end = (self._end + piece[-SHOWN:])[-SHOWN:]
        if self._pieces:
            self._show(self._redact(self._end.strip()))
        return len(text)

    def fileno(self) -> int:
        """Let a process write to the file as well."""
        return self._file.fileno()

    def finish(self) -> None:
        """Write the line that was not ended, and the last of what found no room."""
        if "".join(self._pieces).strip():
            self._end_line()
        if self._left_out:
            self._file.write(f"\n... {self._left_out} characters left out ...\n")
        self._file.write("".join(self._late))
        self._late.clear()

    def bound(self) -> None:
        """Cut off what the processes of a run have written by themselves, if it is too much."""
        if os.fstat(self.fileno()).st_size > 3 * MOST:
            os.ftruncate(self.fileno(), MOST)  # all of them append

    def _end_line(self):
        line = self._redact("".join(self._pieces).rstrip())
        self._clear()
        if line.startswith(MARK):
            line = line.removeprefix(MARK)
            self._tell(line)
        elif line:
            self._show(line[-SHOWN:])
        self._keep(line + "\n")

    def _keep(self, text):
        """Write what there is room for; hold the last of the rest."""
        head, rest = text[: self._room], text[self._room :]
        self._room -= len(head)
        if head:
            self._file.write(head)
            self._file.flush()
        if rest:
            self._late.append(rest[-LAST:])
            self._late_size += len(self._late[-1])
            self._left_out += len(rest) - len(self._late[-1])
        while self._late_size > LAST:
            left = len(self._late.popleft())
            self._late_size -= left
            self._left_out += left

    def _clear(self):
        self._pieces.clear()
        self._end, self._returned = "", False


def as_seen(text: str) -> str:
    """Return of each line of a text what stands there in the end.

    Examples
    --------
    >>> as_seen("fits: 0 %\\rfits: 9 %\\rfits: 99 %\\ndone")
    'fits: 99 %\\ndone'
    """
    if "\r" not in text and MARK not in text:
        return text
    lines = text.replace("\r\n", "\n").replace(MARK, "").split("\n")
    return "\n".join(_last(line.split("\r")) for line in lines)


def _last(states):
    return next((state for state in reversed(states) if state), "")


@contextmanager
def open_log(
    path: Path, show: Callable, tell: Callable, redact: Callable[[str], str] = str
) -> Iterator[Log]:
    """Open a log file, and tell what it takes in."""
    with open(path, "a", encoding="utf-8", errors="replace") as file:
        log = Log(file, show, tell, redact)
        try:
            yield log
        finally:
            log.finish()
