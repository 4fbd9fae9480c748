"""What is seen of a sweep while it goes on: a table that changes in place, or a line a run."""

from __future__ import annotations

import html
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moe_lab.runs.events import Event, Finished, Progressed, Queued, Skipped, Started, Told

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Board", "Display", "open_display"]

ROWS = 12  # of a table: the runs in progress, then the latest that have ended
WIDTH = 120  # characters of what a run says
STYLES = {"running": "cyan", "done": "green", "skipped": "dim"}
PLAIN = {"markup": False, "emoji": False, "highlight": False}  # names are shown as they are


@dataclass
class _Row:
    title: str
    status: str = "waiting"
    since: float = 0.0
    seconds: float = 0.0
    text: str = ""


@dataclass
class Board:
    """The state of a sweep, as its events tell it.

    Parameters
    ----------
    clock : callable, default=time.monotonic
    """

    clock: Callable[[], float] = time.monotonic
    runs: dict[str, _Row] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)  # of their ends

    def heed(self, event: Event) -> None:
        """Take in what has happened."""
        if isinstance(event, Told) or not event.key:
            return
        row = self.runs.setdefault(event.key, _Row(event.title))
        if isinstance(event, Started):
            row.status, row.since, row.text = "running", self.clock(), ""
        elif isinstance(event, Progressed):
            row.text = row.text if event.news else event.text
        elif isinstance(event, Finished):
            row.status, row.seconds, row.text = event.status, event.seconds, event.error or ""
            self.order.append(event.key)
        elif isinstance(event, Skipped):
            row.status = "skipped"
            row.text = "" if event.status == "done" else f"{event.status} before"

    def heading(self) -> str:
        """Say how many runs are in each state."""
        counts = Counter(row.status for row in self.runs.values())
        told = [f"{count} {status}" for status, count in sorted(counts.items(), key=_rank)]
        return f"{len(self.runs)} runs: {', '.join(told)}" if self.runs else "no run yet"

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return title, status, seconds and innermost progress of the runs to show."""
        running = [row for row in self.runs.values() if row.status == "running"]
        ended = [self.runs[key] for key in reversed(self.order)]
        shown = [*running, *(row for row in ended if row.status != "running")]
        return [
            (row.title, row.status, f"{self._seconds(row):.0f} s", row.text[:WIDTH])
            for row in shown[: max(ROWS, len(running))]
        ]

    def table(self) -> Table:
        """Return the table of a terminal."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, title=Text(self.heading()), title_justify="left", padding=(0, 1))
        for name, settings in _COLUMNS.items():
            table.add_column(name, **settings)
        for title, status, seconds, text in self.rows():
            style = STYLES.get(status, "red")
            table.add_row(Text(title), Text(status, style), Text(seconds), Text(text))
        return table

    def html(self) -> str:
        """Return the table of a notebook: no widget, so that it stays when it is opened again."""
        cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in self.rows())
        head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<p>{html.escape(self.heading())}</p><table><tr>{head}</tr>{body}</table>"

    def __str__(self):
        return "\n".join([self.heading(), *("  ".join(row).rstrip() for row in self.rows())])

    def _seconds(self, row):
        return self.clock() - row.since if row.status == "running" else row.seconds


_COLUMNS: dict[str, dict[str, Any]] = {
    "run": {"overflow": "fold"},
    "status": {"no_wrap": True},
    "time": {"no_wrap": True, "justify": "right"},
    "progress": {"no_wrap": True, "overflow": "ellipsis", "ratio": 1},
}
_RANKS = ("running", "done", "skipped", "failed", "died", "timeout", "waiting")


def _rank(item):
    return _RANKS.index(item[0])


class Display:
    """Shows a sweep as one line a run; the base of those that show more."""

    def heed(self, event: Event) -> None:
        """Show what has happened."""
        if isinstance(event, Told):
            self.say(event.text)
        elif isinstance(event, Started) and event.again:
            self.say(f"{event.title} again: {event.again}")
        elif isinstance(event, Finished):
            error = f": {event.error}" if event.error else ""
            self.say(f"{event.status:<8} {event.title} in {event.seconds:.0f} s{error}")

    def say(self, line: str, err: bool = False) -> None:
        """Write a line that stays."""
        (sys.stderr if err else sys.stdout).write(f"{line}\n")

    def end(self) -> None:
        """Leave the screen as it should stay."""


class _Terminal(Display):
    def __init__(self):
        from rich.console import Console
        from rich.live import Live

        self._board = Board()
        self._console = Console(stderr=True, **PLAIN)
        settings = {"console": self._console, "transient": True, "refresh_per_second": 2}
        self._live = Live(get_renderable=self._board.table, **settings)
        self._live.start()

    def heed(self, event):
        self._board.heed(event)
        if isinstance(event, Progressed) and event.news:
            self.say(event.text)
        elif not isinstance(event, Finished):
            super().heed(event)

    def say(self, line, err=False):
        self._console.print(line, soft_wrap=True)

    def end(self):
        self._live.stop()


class _Notebook(Display):
    def __init__(self):
        from IPython.display import display

        self._board, self._shown = Board(), 0.0
        self._output = display(self._bundle(), raw=True, display_id=True)

    def heed(self, event):
        self._board.heed(event)
        now = time.monotonic()
        if not isinstance(event, Progressed | Queued) or now - self._shown > 1:
            self._shown = now
            self._output.update(self._bundle(), raw=True)

    def _bundle(self):
        return {"text/html": self._board.html(), "text/plain": str(self._board)}

    def end(self):
        self._output.update(self._bundle(), raw=True)


@contextmanager
def open_display() -> Iterator[Display]:
    """Show a sweep where it is asked for: in a terminal, in a notebook, or as lines of text."""
    display = _Notebook() if _in_notebook() else _Terminal() if sys.stderr.isatty() else Display()
    try:
        yield display
    finally:
        display.end()


def _in_notebook():
    shell = None
    if "IPython" in sys.modules:
        with suppress(ImportError):
            from IPython import get_ipython

            shell = get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"
