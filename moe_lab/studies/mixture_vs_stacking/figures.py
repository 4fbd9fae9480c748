"""Figures of the study: cost against quality, and every set's difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.bench.statistics import sum_up
from moe_lab.plots.style import (
    add_legend,
    colors,
    log_ticks,
    n_lines,
    name_rows,
    new_figure,
    signs,
)
from moe_lab.studies.mixture_vs_stacking.comparisons import is_generated
from moe_lab.studies.mixture_vs_stacking.tables import differences

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cost_and_quality", "plot_cost_and_quality", "plot_differences"]


def cost_and_quality(scores: pd.DataFrame, baseline: str = "stacking") -> pd.DataFrame:
    """Put quality and cost of every method beside each other, as differences from a baseline.

    Returns
    -------
    table : DataFrame
        One row a kind of sets and a method: sets ("classification", "regression" or "generated"),
        method, n_datasets, difference (mean over sets, in %), se, fit_ratio and predict_ratio
        (means over sets of CPU seconds to fit and of seconds to predict, over the baseline's).
    """
    rows = []
    for kind, one in scores.groupby(scores.apply(_kind, axis=1), sort=True):
        for method in one["method"].unique():
            if method == baseline or baseline not in set(one["method"]):
                continue
            quality = sum_up(differences(one, method, baseline))
            row = {"sets": kind, "method": method}
            row |= {name: quality[name] for name in ("n_datasets", "difference", "se")}
            for name, metric in (("fit", "fit_cpu_seconds"), ("predict", "predict_seconds")):
                ratio = differences(one, method, baseline, metric)
                row[f"{name}_ratio"] = ratio["difference"].mean()
            rows.append(row)
    columns = ["sets", "method", "n_datasets", "difference", "se", "fit_ratio", "predict_ratio"]
    return pd.DataFrame(rows, columns=columns)


def _kind(row):
    return "generated" if is_generated(row["dataset"]) else row["task"]


def plot_cost_and_quality(scores: pd.DataFrame, baseline: str = "stacking") -> Figure:
    """Draw what `cost_and_quality` says: lower left is best.

    Returns
    -------
    figure : matplotlib Figure
        A panel for each kind of sets.
    """
    table = cost_and_quality(scores, baseline)
    kinds, methods = list(table["sets"].unique()), list(table["method"].unique())
    figure, axes = new_figure(1, len(kinds), width=4.4, height=4.0, beside=2.4)
    style = signs(methods)
    for axis, kind in zip(axes, kinds, strict=True):
        for row in table[table["sets"] == kind].itertuples():
            bar = 0.0 if np.isnan(row.se) else row.se
            marks = {"markersize": 8, "capsize": 3, "linestyle": "", **style[row.method]}
            axis.errorbar(row.fit_ratio, row.difference, yerr=bar, label=row.method, **marks)
        axis.axhline(0, color="0.6", linewidth=1)
        axis.axvline(1, color="0.6", linewidth=1)
        count = table.loc[table["sets"] == kind, "n_datasets"].max()
        axis.set_title(f"{kind} ({count} sets)")
        log_ticks(axis.xaxis)
        axis.set_xlabel(f"CPU seconds to fit / {baseline}'s")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"difference to {baseline} (%; lower is better)")
    add_legend(figure)
    return figure


def plot_differences(table: pd.DataFrame, title: str = "") -> Figure:
    """Draw every set's difference with two standard errors, the best first.

    Parameters
    ----------
    table : DataFrame
        From `differences`, of one unit.
    title : str, default=""

    Returns
    -------
    figure : matplotlib Figure
    """
    table = table.sort_values("difference", ignore_index=True)
    figure, (axis,) = new_figure(
        width=6.0, height=1.2 + 0.14 * (len(table) + n_lines(table["dataset"]))
    )
    bars = 2 * table["se"].fillna(0)
    axis.errorbar(
        table["difference"], table.index, xerr=bars, fmt="o", capsize=2, color=colors(1)[0]
    )
    axis.axvline(0, color="0.5", linewidth=1)
    name_rows(axis, table["dataset"])
    unit = table["unit"].iloc[0]
    axis.set(xlabel=f"difference ({unit}; lower is better; bars: 2 standard errors)", title=title)
    axis.grid(axis="x", alpha=0.3)
    return figure
