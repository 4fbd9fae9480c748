"""The plane of two features: whom the gate trusts where, and what the mixture decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.likelihood.arrays import vary
from moe_lab.mixture.names import expert_names
from moe_lab.plots.moves import draw_moves, draw_weights
from moe_lab.plots.style import add_legend, colors, n_lines, new_figure
from moe_lab.pool.powers import HasTerms, Learns
from moe_lab.registry.powers import has_power
from moe_lab.registry.spelling import unknown_name
from moe_lab.table.frames import as_pandas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moe_lab.mixture import MoEClassifier, MoERegressor

__all__ = ["plot_regions", "plot_trust"]

MOST_POINTS = 3000  # more hide each other
GRID = 250  # points along each axis


def plot_trust(
    mixture: MoERegressor | MoEClassifier, X: pd.DataFrame, columns: tuple[str, str] | None = None
) -> Figure:
    """Draw who is trusted where: the rows in the plane, coloured by the most trusted expert.

    Parameters
    ----------
    mixture : fitted MoEClassifier or MoERegressor
    X : DataFrame of shape (n_samples, n_features)
    columns : pair of str, optional
        The two columns to draw. Default: the first two principal components of the standardised
        table, or, of a table with one column, that column against the gate weights.

    Returns
    -------
    figure : matplotlib Figure
        A strong colour means a weight near 1; a pale one, that experts share the row. Where the
        pool learns, beside it who moves the answers, and how far. Where the weights are the same
        for every row, bars instead of a cloud of one colour.
    """
    X = as_pandas(X)
    _check_columns(X, columns)
    weights, names = mixture.gate_weights(X), expert_names(mixture)
    learns = has_power(mixture.pooler_, Learns) and has_power(mixture.pooler_, HasTerms)
    if not vary(weights):
        height = 1.2 + 0.3 * (len(names) + 1) + 0.14 * n_lines(names)
        figure, axes = new_figure(1, 1 + learns, width=6.0, height=height)
        draw_weights(axes[0], weights[0], names)
    else:
        rows = np.random.default_rng(0).permutation(len(X))[:MOST_POINTS]
        figure, axes = new_figure(1, 1 + learns, width=5.0, height=4.6, beside=2.2)
        _draw_trust(axes[0], X, columns, rows, weights[rows], names)
        add_legend(figure, axes[:1], title="most trusted (share of rows)")
    if learns:
        draw_moves(axes[1], mixture, X)
    return figure


def _draw_trust(axis, X, columns, rows, weights, names):
    best = weights.argmax(axis=1)
    labels = [f"{name} ({100 * np.mean(best == k):.0f} %)" for k, name in enumerate(names)]
    if columns is None and X.shape[1] == 1:
        _draw_lines(axis, X.iloc[rows, 0], weights, labels)
    else:
        across, up = _components_or(columns, X, rows)
        _draw_points(axis, across, up, weights, labels)


def _draw_points(axis, x, y, weights, labels):
    of_experts = colors(len(labels))
    strength = np.clip(weights.max(axis=1), 0.15, 1.0)
    shade = of_experts[weights.argmax(axis=1)]
    axis.scatter(x, y, color=shade, alpha=strength, s=16, linewidths=0)
    for label, color in zip(labels, of_experts, strict=True):
        axis.scatter([], [], color=color, s=50, label=label)
    axis.set(xlabel=x.name, ylabel=y.name)


def _draw_lines(axis, x, weights, labels):
    order = np.argsort(x.to_numpy())
    for k, (label, color) in enumerate(zip(labels, colors(len(labels)), strict=True)):
        axis.plot(x.iloc[order], weights[order, k], color=color, label=label)
    axis.set(xlabel=str(x.name), ylabel="gate weight", ylim=(-0.02, 1.02))


def _components_or(columns, X, rows):
    """Return the two coordinates of the rows as named Series."""
    if columns is not None:
        drawn = X.iloc[rows][list(columns)]
        drawn = drawn.astype({c: str for c in columns if drawn[c].dtype == "category"})
        return [drawn[column] for column in columns]
    from sklearn.decomposition import PCA

    from moe_lab.table import NumericTable

    pca = PCA(2, random_state=0)
    points = pca.fit_transform(NumericTable(scale=True).fit_transform(X))[rows]
    shares = 100 * pca.explained_variance_ratio_
    titles = [f"principal component {k + 1} ({shares[k]:.0f} % of the variance)" for k in range(2)]
    return [pd.Series(points[:, k], name=titles[k]) for k in range(2)]


def _check_columns(X, columns):
    if columns is None:
        return
    if isinstance(columns, str) or len(columns) != 2:
        raise ValueError(f"columns must be a pair of column names, got columns={columns!r}.")
    for column in columns:
        if column not in X.columns:
            raise ValueError(unknown_name("column", column, map(str, X.columns), listed="Columns"))


def plot_regions(mixture: MoEClassifier, X: pd.DataFrame, y: pd.Series) -> Figure:
    """Draw what a mixture decides in the plane, and whom it trusts most there.

    Parameters
    ----------
    mixture : MoEClassifier fitted to two classes
    X : DataFrame of shape (n_samples, 2)
    y : Series of shape (n_samples,)

    Returns
    -------
    figure : matplotlib Figure
        Left the pooled probability of the second class, right the most trusted expert, a colour
        each; the line is where the decision changes.
    """
    X, y = as_pandas(X), as_pandas(y)
    if X.shape[1] != 2 or len(mixture.classes_) != 2:
        raise ValueError(
            "X must have two columns and y two classes to be drawn in the plane, got "
            f"{X.shape[1]} columns and {len(mixture.classes_)} classes."
        )
    across, up, grid = _grid(X)
    second = mixture.predict_proba(grid)[:, 1].reshape(across.shape)
    trusted = mixture.gate_weights(grid).argmax(axis=1).reshape(across.shape)
    figure, (pooled, most) = new_figure(1, 2, width=5.0, height=4.6, beside=2.0)
    shade = pooled.pcolormesh(across, up, second, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6)
    _draw_trusted(most, across, up, trusted, expert_names(mixture))
    add_legend(figure, [most])
    for axis in (pooled, most):
        axis.contour(across, up, second, levels=[0.5], colors="black", linewidths=1)
        _draw_classes(axis, X, y, mixture.classes_)
        axis.set(xlabel=X.columns[0], ylabel=X.columns[1], aspect="equal")
    figure.colorbar(shade, ax=pooled, shrink=0.8, label=f"probability of {mixture.classes_[1]}")
    pooled.set_title("pooled")
    pooled.legend(*pooled.get_legend_handles_labels(), title="class", loc="upper right")
    found = len(np.unique(trusted))
    most.set_title(f"most trusted: {found} of {mixture.n_experts_} experts")
    return figure


def _grid(X):
    ends = [(X[column].min() - 0.3, X[column].max() + 0.3) for column in X]
    across, up = np.meshgrid(*[np.linspace(*end, GRID) for end in ends])
    points = np.column_stack([across.ravel(), up.ravel()])
    return across, up, pd.DataFrame(points, columns=X.columns)


def _draw_trusted(axis, across, up, trusted, names):
    """Shade the plane by expert, and explain the shades that are there."""
    from matplotlib.colors import ListedColormap

    of_experts = colors(len(names))
    ends = {"vmin": -0.5, "vmax": len(names) - 0.5, "alpha": 0.6}
    axis.pcolormesh(across, up, trusted, cmap=ListedColormap(of_experts), **ends)
    for k in np.unique(trusted):
        axis.scatter([], [], marker="s", s=60, color=of_experts[k], alpha=0.6, label=names[k])


def _draw_classes(axis, X, y, classes):
    for label, face in zip(classes, ("white", "black"), strict=True):
        rows = X[(y == label).to_numpy()]
        style = {"s": 7, "color": face, "edgecolors": "black", "linewidths": 0.4}
        axis.scatter(rows.iloc[:, 0], rows.iloc[:, 1], label=label, **style)
