"""The rounds of a fit while it runs: log-likelihood, who answers for how many rows, a button."""

from __future__ import annotations

import _thread
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.explore.front_end import is_live, png_of
from moe_lab.plots.style import colors, new_figure
from moe_lab.progress import watchers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAUSE = 0.1  # seconds between two messages, which hold all rounds since


class Training:
    """Collects the rounds and hands them to a widget, if a front end looks.

    Parameters
    ----------
    names : list of str
        Of the experts.
    """

    def __init__(self, names: list[str]):
        self.names, self.running = names, True
        self.rounds: list[dict] = []
        self.widget: Any = None
        self._lock, self._sent, self._told = Lock(), 0, 0.0

    def heed(self, row: dict) -> None:
        """Take in a round."""
        sizes = [float(row.get(f"effective_size_{k}", 0.0)) for k in range(len(self.names))]
        if "log_likelihood" not in row:
            return
        told = {"log_likelihood": float(row["log_likelihood"]), "sizes": sizes}
        self.rounds.append(told | {"start": int(row.get("start", 0))})
        if len(self.rounds) == 1 and is_live():
            self._show()
        if time.monotonic() - self._told > PAUSE:
            self._tell()

    def answer(self, message: dict) -> dict | None:
        """Answer the front end: "stop", or "hello", to which all rounds so far are told. While the
        fit runs it is heard through a comm subshell alone: that it is heard shows the button."""
        with self._lock:
            if message["ask"] == "stop" and self.running:
                _thread.interrupt_main()
                return None
            return {"heard": True, "running": self.running, "first": 0, "rounds": self.rounds[:]}

    def end(self) -> None:
        """Take the button away."""
        with self._lock:
            self.running = False
        self._tell()

    def _show(self):
        from IPython.display import display

        from moe_lab.explore.widget import TrainingWidget

        self.widget = TrainingWidget(self)
        display(self.widget)

    def _tell(self):
        if self.widget is not None:
            first, self._sent = self._sent, len(self.rounds)
            new = self.rounds[first : self._sent]
            self.widget.send({"first": first, "rounds": new, "running": self.running})
            # ipykernel 7.4 hands what the front end says to the loop that sent last, the busy cell;
            # forgotten, it goes to the front end's own subshell, as before 7.4.
            vars(self.widget.comm).pop("_reply_subshell_id", None)
            self._told = time.monotonic()


@contextmanager
def watched(names: list[str]) -> Iterator[Training]:
    """Show the rounds of the fits within, and in the end leave a figure of them.

    Parameters
    ----------
    names : list of str
        Of the experts.
    """
    training = Training(names)
    watchers.append(training.heed)
    try:
        yield training
    finally:
        watchers.remove(training.heed)
        with suppress(KeyboardInterrupt):  # a button that was pressed as the fit ended
            training.end()
        if training.rounds and "IPython" in sys.modules:
            _leave_figure(training)


def _leave_figure(training):
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        text = f"{len(training.rounds)} rounds"
        display({"image/png": png_of(plot_training(training)), "text/plain": text}, raw=True)


def plot_training(training: Training) -> Figure:
    """Draw the log-likelihood and the effective sample size of each expert, round by round.

    Parameters
    ----------
    training : Training

    Returns
    -------
    figure : matplotlib Figure
        Left the log-likelihood, a line for each start; right the sizes.
    """
    figure, (left, right) = new_figure(1, 2, width=5.2, height=3.0)
    reached = np.array([row["log_likelihood"] for row in training.rounds])
    starts = np.array([row["start"] for row in training.rounds])
    for start in np.unique(starts):
        left.plot(np.flatnonzero(starts == start), reached[starts == start], ".-", color="black")
    left.set(xlabel="round", ylabel="log-likelihood (nats)")
    sizes = np.array([row["sizes"] for row in training.rounds])
    for name, line, color in zip(training.names, sizes.T, colors(sizes.shape[1]), strict=True):
        right.plot(line, color=color, label=name)
    right.set(xlabel="round", ylabel="effective rows")
    right.legend(frameon=False)
    return figure
