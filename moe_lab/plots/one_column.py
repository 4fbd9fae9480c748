"""Figures of a mixture over one column: a picture for each of the four steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.experts.names import numbered
from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import add_legend, colors, new_figure
from moe_lab.table.frames import as_pandas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moe_lab.mixture import MoEClassifier, MoERegressor

__all__ = ["plot_bands", "plot_division", "plot_experts", "plot_gate", "plot_pool"]

GRID = 400  # points of a line
LEVELS = (0.95, 0.8, 0.5)  # of the bands, the widest first


def plot_division(
    X: pd.DataFrame, y: pd.Series, responsibilities: np.ndarray, names: list[str] | None = None
) -> Figure:
    """Draw the rows, each in the mix of its experts' colours.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, 1)
    y : Series of shape (n_samples,)
    responsibilities : ndarray of shape (n_samples, n_experts)
        Of a divider, or of a fitted mixture.
    names : list of str, optional
        Of the experts, as from `expert_names`; default: expert 0, expert 1, ...

    Returns
    -------
    figure : matplotlib Figure
    """
    y = as_pandas(y)
    x, of_experts = _only_column(X), colors(responsibilities.shape[1])
    names = names or numbered([""] * len(of_experts))
    figure, (axis,) = new_figure(width=6.5, height=3.8)
    axis.scatter(x, y, color=np.clip(responsibilities @ of_experts, 0, 1), s=16, linewidths=0)
    for name, color in zip(names, of_experts, strict=True):
        axis.scatter([], [], color=[color], s=40, label=name)
    return _finish(figure, axis, x.name, y.name)


def plot_experts(mixture: MoERegressor | MoEClassifier, X: pd.DataFrame, y: pd.Series) -> Figure:
    """Draw every expert's line, strong where its gate weight is high, over the rows.

    Parameters
    ----------
    mixture : MoERegressor fitted to X and y
    X : DataFrame of shape (n_samples, 1)
    y : Series of shape (n_samples,)

    Returns
    -------
    figure : matplotlib Figure
    """
    y = as_pandas(y)
    figure, axis, grid, x = _over_rows(X, y)
    says, weights = mixture.expert_predictions(grid)[:, :, 0], mixture.gate_weights(grid)
    for k, (name, color) in enumerate(_experts(mixture)):
        axis.plot(x, says[:, k], color=color, linewidth=1, alpha=0.5)
        trusted = np.where(weights[:, k] > 0.2, says[:, k], np.nan)
        axis.plot(x, trusted, color=color, linewidth=4, label=name)
    return _finish(figure, axis, x.name, y.name)


def plot_gate(mixture: MoERegressor | MoEClassifier, X: pd.DataFrame) -> Figure:
    """Draw every expert's gate weight over x; the weights sum to 1 everywhere.

    Parameters
    ----------
    mixture : fitted mixture
    X : DataFrame of shape (n_samples, 1)

    Returns
    -------
    figure : matplotlib Figure
    """
    grid = _grid(X)
    figure, (axis,) = new_figure(width=6.5, height=2.8)
    _draw_gate(axis, mixture, grid)
    return _finish(figure, axis, grid.columns[0], "gate weight")


def plot_pool(mixture: MoERegressor | MoEClassifier, X: pd.DataFrame, y: pd.Series) -> Figure:
    """Draw the pooled prediction over the rows.

    Parameters
    ----------
    mixture : MoERegressor fitted to X and y
    X : DataFrame of shape (n_samples, 1)
    y : Series of shape (n_samples,)

    Returns
    -------
    figure : matplotlib Figure
    """
    y = as_pandas(y)
    figure, axis, grid, x = _over_rows(X, y)
    axis.plot(x, mixture.predict(grid), color="black", linewidth=2.5, label="pooled prediction")
    return _finish(figure, axis, x.name, y.name)


def plot_bands(mixture: MoERegressor, X: pd.DataFrame, y: pd.Series) -> Figure:
    """Draw the mean and the bands of a predictive distribution, and the gate weights below.

    Parameters
    ----------
    mixture : fitted MoERegressor
    X : DataFrame of shape (n_samples, 1)
    y : Series of shape (n_samples,)

    Returns
    -------
    figure : matplotlib Figure
        Bands: central intervals of 95, 80 and 50 %.
    """
    y, grid = as_pandas(y), _grid(X)
    x, says = grid.iloc[:, 0], mixture.predict_distribution(grid)
    figure, (rows, gate) = new_figure(2, 1, width=7.0, height=3.0, beside=1.6)
    for level, tone in zip(LEVELS, ("#dbe9f6", "#b3d2ea", "#7fb3d8"), strict=True):
        low, high = says.interval(level).T
        label = f"{100 * level:.0f} % of the rows"
        rows.fill_between(x, low, high, color=tone, linewidth=0, label=label)
    rows.plot(x, says.mean, color="black", linewidth=2, label="mean")
    rows.scatter(_only_column(X), y, s=12, color="0.35", zorder=3, label="rows")
    rows.set(ylabel=y.name)
    _draw_gate(gate, mixture, grid)
    gate.set_xlabel(x.name)
    for axis in (rows, gate):
        axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    rows.sharex(gate)
    rows.tick_params(labelbottom=False)
    return figure


def _draw_gate(axis, mixture, grid):
    weights, x = mixture.gate_weights(grid), grid.iloc[:, 0]
    for k, (name, color) in enumerate(_experts(mixture)):
        axis.plot(x, weights[:, k], color=color, linewidth=2, label=name)
    axis.set(ylabel="gate weight", ylim=(-0.03, 1.03))


def _over_rows(X, y):
    """Return a figure and axis with the rows in grey, and a grid of x."""
    grid = _grid(X)
    figure, (axis,) = new_figure(width=6.5, height=3.8)
    axis.scatter(_only_column(X), y, color="0.75", s=12, linewidths=0)
    low, high = y.min(), y.max()
    axis.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    return figure, axis, grid, grid.iloc[:, 0]


def _grid(X):
    x = _only_column(X)
    return pd.DataFrame({x.name: np.linspace(x.min(), x.max(), GRID)})


def _only_column(X):
    X = as_pandas(X)
    if X.shape[1] != 1:
        raise ValueError(
            f"X must have one column to be drawn over it, got {X.shape[1]}; for more columns "
            "use plot_trust and plot_gate_weights."
        )
    return X.iloc[:, 0]


def _finish(figure, axis, x_name, y_name):
    axis.set(xlabel=x_name, ylabel=y_name)
    add_legend(figure)
    return figure


def _experts(mixture):
    """Return the name and the colour of each expert."""
    return list(zip(expert_names(mixture), colors(mixture.n_experts_), strict=True))
