"""A study in one table and one figure: methods down, repeats across."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.plots.style import add_legend, colors, log_ticks, n_lines, name_rows, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_repeats", "summary"]


def summary(scores: pd.DataFrame, value: str, over: str) -> pd.DataFrame:
    """Sum a study up: a line for each method.

    Parameters
    ----------
    scores : DataFrame
        With the columns method, fit_seconds, `value` and `over`.
    value : str
        The score, such as "rmse".
    over : str
        What was repeated, such as "seed".

    Returns
    -------
    table : DataFrame
        The mean score of each repeat, their ``mean``, and the mean ``fit_seconds`` of one fit;
        methods in their order in `scores`.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"method": ["b", "b", "a", "a"], "seed": [0, 1, 0, 1]})
    >>> scores = scores.assign(rmse=[1.0, 3.0, 0.5, 0.5], fit_seconds=0.1)
    >>> summary(scores, "rmse", "seed")
            seed 0  seed 1  mean  fit_seconds
    method
    b          1.0     3.0   2.0          0.1
    a          0.5     0.5   0.5          0.1
    """
    by_method = scores.groupby("method", sort=False)
    table = scores.pivot_table(index="method", columns=over, values=value)
    table.columns = [f"{over} {repeat}" for repeat in table.columns]
    table = table.loc[list(by_method.groups)]
    return table.assign(mean=table.mean(axis=1), fit_seconds=by_method["fit_seconds"].mean())


def plot_repeats(
    scores: pd.DataFrame,
    value: str,
    over: str,
    *,
    label: str | None = None,
    log: bool = False,
    reference: dict | None = None,
) -> Figure:
    """Draw every repeat's mean score for each method, and their mean.

    Parameters
    ----------
    scores : DataFrame
        As for `summary`.
    value, over : str
        As for `summary`.
    label : str, optional
        Of the axis; default: `value`.
    log : bool, default=False
        A logarithmic axis.
    reference : dict from label to float, optional
        Lines across all methods.

    Returns
    -------
    figure : matplotlib Figure
    """
    table = summary(scores, value, over)
    repeats = table.drop(columns=["mean", "fit_seconds"])
    figure, (axis,) = new_figure(
        width=6.0, height=1.1 + 0.17 * (len(table) + n_lines(table.index)), beside=2.0
    )
    blue, orange = colors(2)
    rows = np.arange(len(table))
    tick = {"color": "black", "marker": "|", "s": 130, "linewidths": 1.2, "zorder": 3}
    for number, repeat in enumerate(repeats):
        axis.scatter(repeats[repeat], rows, label=None if number else f"one {over}", **tick)
    axis.scatter(table["mean"], rows, color=blue, marker="D", s=42, alpha=0.8, label="mean")
    for name, level in (reference or {}).items():
        axis.axvline(level, color=orange, linestyle="--", linewidth=1.2, label=name, zorder=0)
    axis.set_xlabel(label or value)
    if log:
        log_ticks(axis.xaxis)
    name_rows(axis, table.index)
    axis.grid(axis="x", alpha=0.3)
    add_legend(figure)
    return figure
