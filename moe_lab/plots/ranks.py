"""Figures over many data sets: mean ranks with their critical difference, a map of differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.plots.style import add_legend, colors, log_ticks, new_figure, signs, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_differences", "draw_ranks", "draw_trade"]

LONGEST = 34  # characters of a name beside a rank


def draw_ranks(ranks: pd.Series, pairwise: pd.DataFrame, critical_difference: float) -> Figure:
    """Draw the critical-difference diagram: methods under one bar cannot be told apart.

    Parameters
    ----------
    ranks : Series
        Method -> mean rank, best first.
    pairwise : DataFrame
        p-values between methods.
    critical_difference : float
    """
    from scikit_posthocs import critical_difference_diagram

    figure, (axis,) = new_figure(width=9.0, height=1.6 + 0.2 * len(ranks))
    short = _shortened(ranks.index)
    blue, _, red = colors(3)
    critical_difference_diagram(
        ranks.rename(short),
        pairwise.rename(index=short, columns=short),
        ax=axis,
        label_fmt_left="{label} ({rank:.2f}) ",
        label_fmt_right=" ({rank:.2f}) {label}",
        text_h_margin=0.02 * max(len(ranks), 5),
        label_props={"fontsize": 9, "parse_math": False},
        elbow_props={"color": "0.3", "linewidth": 0.8},
        marker_props={"color": blue, "s": 18},
        crossbar_props={"color": red, "linewidth": 2.5},
    )
    axis.set_xlabel(f"mean rank (1 is best); critical difference {critical_difference:.2f}")
    axis.xaxis.set_label_position("top")
    return figure


def _shortened(names):
    """Return a dict of name -> as much of it as fits beside an axis, no two alike."""
    short = {name: name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..." for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in names}


def draw_differences(table: pd.DataFrame, label: str) -> Figure:
    """Draw a map of differences: a row for each data set, a column for each method.

    Parameters
    ----------
    table : DataFrame of shape (n_datasets, n_methods)
        What is lost, in percent or hundredths of a nat; below 0 is better.
    label : str
        Of the colours.
    """
    from matplotlib.colors import TwoSlopeNorm

    n_rows, n_columns = table.shape
    width, height = max(5.0, 2.6 + 0.5 * n_columns), 2.2 + 0.3 * n_rows
    figure, (axis,) = new_figure(width=width, height=height)
    bound = _bound(table)
    norm = TwoSlopeNorm(0.0, -bound, bound)
    image = axis.imshow(table, cmap="RdBu_r", norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(table.to_numpy(dtype=float)):
        if np.isfinite(value):
            told = f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"
            dark = abs(value) > 0.6 * bound
            style = {"ha": "center", "va": "center", "fontsize": 8}
            axis.text(column, row, told, color="white" if dark else "black", **style)
        else:
            axis.text(column, row, "-", ha="center", va="center", color="0.5")
    _name(axis, "y", [wrapped(str(name), 26) for name in table.index], {"fontsize": 9})
    _name(axis, "x", list(_shortened(table.columns).values()), _SLANTED)
    axis.set_xticks(np.arange(n_columns), minor=False)
    axis.tick_params(length=0)
    axis.set_title(wrapped(label, 56), fontsize=9, loc="left", parse_math=False)
    figure.colorbar(image, ax=axis, shrink=min(1.0, 3 / height), extend="both")
    return figure


_SLANTED = {"fontsize": 9, "rotation": 45, "ha": "right", "rotation_mode": "anchor"}


def _bound(table):
    """Return the difference at which the colours end: few are larger."""
    sizes = np.abs(table.to_numpy(dtype=float))
    sizes = sizes[np.isfinite(sizes)]
    return float(np.clip(np.quantile(sizes, 0.8), 1.0, 50.0)) if len(sizes) else 1.0


def _name(axis, which, labels, style):
    ticks = axis.set_yticks if which == "y" else axis.set_xticks
    ticks(range(len(labels)), labels, **style)
    for text in getattr(axis, f"get_{which}ticklabels")():
        text.set_parse_math(False)


def draw_trade(table: pd.DataFrame, xlabel: str, ylabel: str) -> Figure:
    """Draw what methods cost against what they lose, over all data sets.

    Parameters
    ----------
    table : DataFrame
        Columns method, cost, loss, se.
    """
    figure, (axis,) = new_figure(width=6.5, height=4.6, beside=2.2)
    styles = signs(list(table["method"]))
    for row in table.itertuples():
        style = styles[row.method]
        error = None if np.isnan(row.se) else row.se
        bars = {"fmt": "none", "color": style["color"], "capsize": 2, "linewidth": 0.8}
        axis.errorbar(row.cost, row.loss, yerr=error, **bars)
        look = {"s": 64, "edgecolor": "black", "linewidth": 0.5, "zorder": 3, **style}
        axis.scatter(row.cost, row.loss, label=row.method, **look)
    log_ticks(axis.xaxis)
    axis.axhline(0, color="0.6", linewidth=0.8)
    axis.margins(0.1)
    axis.grid(alpha=0.3)
    axis.set_xlabel(xlabel, parse_math=False)
    axis.set_ylabel(ylabel, parse_math=False)

    add_legend(figure, [axis], list(table["method"]))
    return figure
