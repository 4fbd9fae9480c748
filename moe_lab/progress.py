"""One progress bar: in a terminal, in JupyterLab (and when the notebook is opened again), and as
text under `moe-lab run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

MARK = "\x1e"  # before a line that the runner shows while the run goes on
LONG = 60.0  # seconds of a fit from which on it is told beforehand
RUN_FOLDER = "MOE_LAB_RUN_FOLDER"  # set by `moe-lab run`: where the kernel leaves its files


def progress_bar(
    total: int,
    title: str | None = None,
    *,
    unit: str = "it",
    shown: bool = True,
    leave: bool = True,
    initial: int = 0,
) -> tqdm:
    """Return a tqdm bar, to be used in a with block.

    Parameters
    ----------
    total : int
    title : str, optional
    unit : str, default="it"
        What is counted.
    shown : bool, default=True
    leave : bool, default=True
        Whether the bar stays when it has ended.
    initial : int, default=0
        Where it starts.
    """
    settings = {"total": total, "desc": title, "unit": unit, "leave": leave, "initial": initial}
    settings["disable"] = not shown
    if is_relayed():  # a widget would be seen by nobody: the runner relays one line
        from tqdm import tqdm

        return tqdm(**settings, position=0)
    from tqdm.auto import tqdm

    is_widget = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    return (_lasting(tqdm) if is_widget else tqdm)(**settings)


def progress(steps: Iterable, title: str, shown: bool | int) -> Iterable:
    """Wrap a sequence in a bar that goes when the loop ends, early or not, if ``shown``."""
    return _under_bar(steps, title) if shown else steps


def is_relayed() -> bool:
    """Tell whether `moe-lab run` shows what this process says, instead of a notebook's own cell."""
    return bool(os.environ.get(RUN_FOLDER))


watchers: list[Callable[[dict], None]] = []


def tell_round(title: str, numbers: Mapping[str, Any], shown: bool | int) -> None:
    """Tell those who watch what a round of training has reached, if ``shown``."""
    for watcher in watchers if shown else ():
        watcher({"title": title, **numbers})


def say(line: str) -> None:
    """Say what has been reached, in a line that stays above the bars."""
    from tqdm import tqdm

    tqdm.write((MARK if is_relayed() else "") + line, file=sys.stderr)


def _under_bar(steps, title):
    with progress_bar(len(steps), title, leave=False) as bar:
        for step in steps:
            yield step
            bar.update()


@cache
def _lasting(widget_bar):
    """Return the bar of notebooks with a better end.

    The text beside a widget is what a notebook shows that is opened again. tqdm writes it once, at
    0 %; and takes a loop that ended early for one that failed, whose red bar stays.
    """
    from IPython.display import display

    class Bar(widget_bar):
        def __init__(self, **settings):
            super().__init__(**settings, display=False)
            self._output = None if self.disable else display(self.container, display_id=True)

        def close(self):
            if self.disable:
                return
            if not self.leave:
                self.total = self.n
            super().close()
            if self.leave:
                self._output.update(self.container)
            else:
                self._output.update({"text/plain": ""}, raw=True)

    return Bar


def spelt_seconds(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> spelt_seconds(75), spelt_seconds(300)
    ('75 s', '5 minutes')
    """
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"
