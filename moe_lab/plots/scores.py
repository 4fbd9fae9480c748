"""Figures of a comparison: scores with their spread, and what they cost; a panel for each set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from moe_lab.plots.style import (
    add_legend,
    colors,
    log_ticks,
    n_lines,
    name_rows,
    new_panels,
    signs,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Panel", "draw_cost", "draw_scores"]

SIZE = 9  # of a marker, in points
APART = SIZE + 2  # points between two of them, so that both are seen


class Panel(NamedTuple):
    """What is drawn of one data set.

    Attributes
    ----------
    title, label : str
        Of the panel, and of its axis of scores.
    board : DataFrame
        One row a method, best first: method, score, score_se, fit_seconds.
    folds : DataFrame
        Every fold's score: method, score.
    """

    title: str
    label: str
    board: pd.DataFrame
    folds: pd.DataFrame


def draw_scores(panels: Sequence[Panel]) -> Figure:
    """Draw every fold's score for each method, best first, with mean and standard error."""
    import seaborn as sns

    height = 1.1 + max(_rows_height(panel.board["method"]) for panel in panels)
    width = 3.8 + 0.05 * max(_longest(panel.board["method"]) for panel in panels)
    figure, axes = new_panels([panel.title for panel in panels], width=width, height=height)
    for axis, (_, label, board, folds) in zip(axes, panels, strict=True):
        style = {"order": list(board["method"]), "color": "0.6", "size": 4, "jitter": 0.15}
        sns.stripplot(folds, x="score", y="method", ax=axis, **style)
        bars = {"xerr": board["score_se"].fillna(0), "fmt": "D", "markersize": 6, "capsize": 3}
        axis.errorbar(board["score"], range(len(board)), **bars, color=colors(1)[0], zorder=3)
        name_rows(axis, board["method"])
        axis.set(ylabel="")
        axis.set_xlabel(label, parse_math=False)
        axis.grid(axis="x", alpha=0.3)
        axis.locator_params(axis="x", nbins=5)
    figure.supxlabel("grey: one fold each; diamond: mean ± standard error", fontsize=9, color="0.4")
    return figure


def draw_cost(panels: Sequence[Panel], methods: list[str]) -> Figure:
    """Draw the mean score of each method against its fit seconds; methods in the legend's order."""
    size: dict = {"width": 4.6, "height": 3.9, "beside": 2.2}
    figure, axes = new_panels([panel.title for panel in panels], **size)
    styles = signs(methods)
    for axis, (_, label, board, _) in zip(axes, panels, strict=True):
        for row in board.itertuples():
            style = {"s": SIZE**2, "edgecolor": "black", "linewidth": 0.5, **styles[row.method]}
            axis.scatter(row.fit_seconds, row.score, label=row.method, **style)
        axis.margins(0.12)
        log_ticks(axis.xaxis)
        axis.locator_params(axis="y", nbins=6)
        axis.set_xlabel("fit seconds a fold (wall)")
        axis.set_ylabel(label, parse_math=False)
        axis.grid(alpha=0.3)
    add_legend(figure, axes, methods)
    figure.draw_without_rendering()  # from here on it is known where a point comes to stand
    for axis in axes:
        _move_apart(axis)
    return figure


def _move_apart(axis):
    """Let a point that would hide another stand beside it, with a line to where it belongs."""
    from matplotlib.transforms import ScaledTranslation

    figure, points = axis.figure, axis.collections
    where = np.array([point.get_offsets().filled(np.nan)[0] for point in points])
    places = axis.transData.transform(where) / figure.dpi
    for point, place, (dx, dy) in zip(points, where, _shifts(72 * places), strict=True):
        if dx or dy:
            line = {"arrowstyle": "-", "color": "0.4", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
            axis.annotate("", place, (dx, dy), textcoords="offset points", arrowprops=line)
            shift = ScaledTranslation(dx / 72, dy / 72, figure.dpi_scale_trans)
            point.set_offset_transform(axis.transData + shift)


def _shifts(places):
    """Return how far each place moves, in points: no further than to the next that is free."""
    taken, shifts = np.empty((0, 2)), []
    for place in places:
        for shift in _WAYS:
            if not (np.hypot(*(taken - place - shift).T) < APART).any():
                break
        taken = np.vstack([taken, place + shift])
        shifts.append(shift)
    return shifts


_TURNS = np.pi * np.array([0, 1, 0.5, 1.5, 0.25, 1.25, 0.75, 1.75])
_WAYS = [np.zeros(2)] + [
    APART * ring * np.array([np.cos(turn), np.sin(turn)]) for ring in range(1, 8) for turn in _TURNS
]


def _rows_height(methods):
    """Return the inches that the rows take: all as high as the highest two neighbours need."""
    lines = [n_lines([method]) for method in methods]
    most = max((a + b) / 2 for a, b in zip(lines, [*lines[1:], 1], strict=True))
    return len(lines) * (0.14 + 0.18 * most)


def _longest(methods):
    return max(len(line) for method in methods for line in wrapped(method).split("\n"))
