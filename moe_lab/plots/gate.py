"""How a gate shares out its trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.likelihood.arrays import vary
from moe_lab.mixture.names import expert_names
from moe_lab.plots.moves import draw_weights
from moe_lab.plots.style import colors, n_lines, name_rows, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from moe_lab.mixture import MoEClassifier, MoERegressor

__all__ = ["plot_gate_weights"]


def plot_gate_weights(mixture: MoERegressor | MoEClassifier, X: pd.DataFrame) -> Figure:
    """Draw how the gate weights of each expert are spread over the rows.

    Parameters
    ----------
    mixture : fitted MoEClassifier or MoERegressor
    X : DataFrame of shape (n_samples, n_features)
        Rows to ask the gate for; best ones not seen in training.

    Returns
    -------
    figure : matplotlib Figure
        Left the weights (line: median, box: middle half, whiskers: 5 to 95 %, diamond: mean),
        right the share of rows in which an expert is trusted most. Where the weights are the same
        for every row, one bar an expert.
    """
    weights, names = mixture.gate_weights(X), expert_names(mixture)
    height = 1.2 + 0.3 * len(names) + 0.14 * n_lines(names)
    if not vary(weights):
        figure, (axis,) = new_figure(width=6.0, height=height)
        draw_weights(axis, weights[0], names)
        return figure
    figure, (left, right) = new_figure(1, 2, width=5.0, height=height)
    _draw_spread(left, weights)
    share = 100 * np.bincount(weights.argmax(axis=1), minlength=len(names)) / len(weights)
    bars = right.barh(range(len(names)), share, color=colors(len(names)), height=0.7)
    right.bar_label(bars, fmt="%.0f %%", padding=3)
    right.set(xlim=(0, 115), xlabel="rows that trust it most (%)")
    name_rows(left, names)
    name_rows(right, [""] * len(names))
    return figure


def _draw_spread(axis, weights):
    rows = range(weights.shape[1])
    style = {"whis": (5, 95), "showfliers": False, "widths": 0.7, "patch_artist": True}
    drawn = axis.boxplot(weights, positions=rows, orientation="horizontal", **style)
    for box, median, color in zip(
        drawn["boxes"], drawn["medians"], colors(weights.shape[1]), strict=True
    ):
        box.set_facecolor(color)
        median.set_color("black")
    axis.plot(weights.mean(axis=0), rows, "D", color="white", markeredgecolor="black")
    axis.set(xlim=(-0.02, 1.02), xlabel="gate weight (each row sums to 1)")
