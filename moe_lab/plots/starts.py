"""EM's starts, round by round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.plots.style import add_legend, colors, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_climb", "plot_climb"]

STEPS = {"em": "EM", "quasi_newton": "quasi-Newton"}


def plot_climb(history: pd.DataFrame) -> Figure:
    """Draw the log-likelihood that every start of EM reaches, each from its own first round on.

    Parameters
    ----------
    history : DataFrame
        The ``history_`` of a mixture trained by EM.

    Returns
    -------
    figure : matplotlib Figure
    """
    figure, (axis,) = new_figure(width=6.5, height=3.8)
    draw_climb(axis, history)
    add_legend(figure)
    return figure


def draw_climb(axis: Axes, history: pd.DataFrame) -> None:
    """Draw a line for each start, and a point for each round in the colour of its step."""
    history = history.assign(round=history.groupby("start").cumcount() + 1)
    for _, rounds in history.groupby("start"):
        axis.plot(rounds["round"], rounds["log_likelihood"], color="0.8", linewidth=1, zorder=1)
    of_steps = dict(zip(STEPS, colors(len(STEPS)), strict=True))
    for step, rounds in history.groupby("step"):
        style = {"color": of_steps[step], "s": 14, "zorder": 2, "label": STEPS[step]}
        axis.scatter(rounds["round"], rounds["log_likelihood"], **style)
    axis.set(xlabel="round", ylabel="log-likelihood (nats)")
    axis.grid(alpha=0.3)
