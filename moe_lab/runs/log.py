"""The log of a run: what a notebook prints, kept in a file and seen in the terminal."""

import io
import re
import sys
from contextlib import contextmanager

_BREAKS = re.compile(r"(\r\n|\n|\r)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Log(io.TextIOBase):
    """A text file that keeps of each line what stands there in the end, as a terminal does.

    Parameters
    ----------
    file : text file
    show : callable
        Told what a line says whenever it changes.

    Examples
    --------
    >>> file = io.StringIO()
    >>> _ = Log(file, show=str).write("fits:  0 %\\rfits: 50 %\\rfits: 100 %\\ndone\\n")
    >>> print(file.getvalue())
    fits: 100 %
    done
    <BLANKLINE>
    """

    def __init__(self, file, show):
        self._file = file
        self._show = show
        self._line = ""
        self._returned = False

    def write(self, text):
        """Take in text as a notebook's cells print it."""
        for piece in _BREAKS.split(_ESCAPES.sub("", text)):
            if piece == "\r":
                self._returned = True
            elif piece in ("\n", "\r\n"):
                self._end_line()
            elif piece:
                self._line = piece if self._returned else self._line + piece
                self._returned = False
                self._show(self._line.strip())
        return len(text)

    def fileno(self):
        """Let a process write to the file as well."""
        return self._file.fileno()

    def finish(self):
        """Write the line that was not ended."""
        if self._line.strip():
            self._end_line()

    def _end_line(self):
        self._file.write(self._line.rstrip() + "\n")
        self._file.flush()
        self._line, self._returned = "", False


@contextmanager
def open_log(path):
    """Open a log file whose latest line stands below the progress bar of a terminal."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    with (
        open(path, "a", encoding="utf-8") as file,
        tqdm(bar_format="{desc}", position=1, leave=False, disable=not terminal) as line,
    ):
        log = Log(file, lambda text: line.set_description_str(text) if text else None)
        try:
            yield log
        finally:
            log.finish()
