"""Figures of a mixture over one column: a picture for each of the four steps."""

import numpy as np
import pandas as pd

from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import new_figure

__all__ = ["plot_division", "plot_experts", "plot_gate", "plot_pool"]

GRID = 400  # points of a line


def plot_division(X, y, responsibilities):
    """Draw the rows, each in the mix of its experts' colours.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, 1)
    y : Series of shape (n_samples,)
    responsibilities : ndarray of shape (n_samples, n_experts)
        Of a divider, or of a fitted mixture.

    Returns
    -------
    figure : matplotlib Figure
    """
    x, colors = _only_column(X), _colors(responsibilities.shape[1])
    figure, (axis,) = new_figure(width=6.5, height=3.8)
    axis.scatter(x, y, color=np.clip(responsibilities @ colors, 0, 1), s=16, linewidths=0)
    for k, color in enumerate(colors):
        axis.scatter([], [], color=[color], s=40, label=f"expert {k + 1}")
    return _finish(figure, axis, x.name, y.name)


def plot_experts(mixture, X, y):
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
    figure, axis, grid, x = _over_rows(X, y)
    says, weights = mixture.expert_predictions(grid)[:, :, 0], mixture.gate_weights(grid)
    for k, color in enumerate(_colors(mixture.n_experts_)):
        axis.plot(x, says[:, k], color=color, linewidth=1, alpha=0.5)
        trusted = np.where(weights[:, k] > 0.2, says[:, k], np.nan)
        axis.plot(x, trusted, color=color, linewidth=4, label=expert_names(mixture)[k])
    return _finish(figure, axis, x.name, y.name)


def plot_gate(mixture, X):
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
    weights, x = mixture.gate_weights(grid), grid.iloc[:, 0]
    for k, color in enumerate(_colors(mixture.n_experts_)):
        axis.plot(x, weights[:, k], color=color, linewidth=2, label=expert_names(mixture)[k])
    axis.set_ylim(-0.03, 1.03)
    return _finish(figure, axis, x.name, "gate weight")


def plot_pool(mixture, X, y):
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
    figure, axis, grid, x = _over_rows(X, y)
    axis.plot(x, mixture.predict(grid), color="black", linewidth=2.5, label="pooled prediction")
    return _finish(figure, axis, x.name, y.name)


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
    if X.shape[1] != 1:
        raise ValueError(
            f"X must have one column to be drawn over it, got {X.shape[1]}; for more columns "
            "use plot_trust and plot_gate_weights."
        )
    return X.iloc[:, 0]


def _finish(figure, axis, x_name, y_name):
    axis.set(xlabel=x_name, ylabel=y_name)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _colors(count):
    import seaborn as sns

    return np.asarray(sns.color_palette("colorblind" if count <= 10 else "husl", count))
