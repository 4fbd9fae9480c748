"""Who moves the answers, where a cloud of one colour would say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import colors, name_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from moe_lab.mixture import MoEClassifier, MoERegressor

ALIKE = "The gate's weights are the same for every row"


def draw_weights(axis: Axes, weights: np.ndarray, names: list[str]) -> None:
    """Draw weights that are the same for every row, one bar an expert, and say so.

    Parameters
    ----------
    axis : Axes
    weights : ndarray of shape (n_experts,)
    names : list of str
    """
    bars = axis.barh(range(len(names)), weights, color=colors(len(names)), height=0.7)
    axis.bar_label(bars, fmt="%.2f", padding=3)
    axis.set(xlim=(0, 1.15 * weights.max()), xlabel="gate weight", title=ALIKE)
    name_rows(axis, names)


def draw_moves(axis: Axes, mixture: MoERegressor | MoEClassifier, X: pd.DataFrame) -> None:
    """Draw how far each expert, and the correction, move the answers from the plain average: the
    mean size of ``mixture.trust(X)``."""
    moved = mixture.trust(X).abs().mean()
    unit = "the unit of y" if mixture._n_classes is None else "nats"
    shades = [*colors(len(moved) - 1), (0.5, 0.5, 0.5)]
    bars = axis.barh(range(len(moved)), moved, color=shades, height=0.7)
    axis.bar_label(bars, fmt="%.3g", padding=3)
    axis.set(xlim=(0, 1.2 * moved.max() or 1.0), xlabel=f"moves an answer by, in the mean ({unit})")
    name_rows(axis, [*expert_names(mixture), "correction"])
