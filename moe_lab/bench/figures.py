"""Figures of a comparison: scores with their spread, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from moe_lab.bench.metrics import get_metric
from moe_lab.bench.statistics import leaderboard
from moe_lab.plots.scores import Panel, draw_cost, draw_scores

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_cost", "plot_scores"]


def plot_scores(scores: pd.DataFrame, metric: str | None = None) -> Figure:
    """Draw every fold's score for each method, best first, with mean and standard error.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`; a panel for each data set.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    figure : matplotlib Figure
    """
    return draw_scores(_panels(scores, metric))


def plot_cost(
    scores: pd.DataFrame, metric: str | None = None, methods: Sequence[str] | None = None
) -> Figure:
    """Draw the mean score of each method against its fit seconds.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`; a panel for each data set.
    metric : str, optional
        Default: the primary metric of each data set's task.
    methods : sequence of str, optional
        All there are, so that several figures give each the same sign; default: those of `scores`.

    Returns
    -------
    figure : matplotlib Figure
        A point that would hide another stands beside it, with a line to its place.
    """
    methods = list(dict.fromkeys(scores["method"] if methods is None else methods))
    return draw_cost(_panels(scores, metric), methods)


def _panels(scores, metric):
    panels, board = [], leaderboard(scores, None, metric)
    for name, ranks in board.groupby("dataset", sort=False):
        measure = ranks["metric"].iloc[0]
        folds = scores[(scores["dataset"] == name) & (scores["metric"] == measure)]
        panels.append(Panel(name, _axis_label(measure), ranks, folds))
    return panels


def _axis_label(name):
    metric = get_metric(name)
    unit = "unit of the target" if metric.unit == "y" else metric.unit
    better = "lower" if metric.lower_is_better else "higher"
    return f"{name} ({unit}; {better} is better)"
