"""Figures of a fitted mixture: how the gate shares out its trust, and where."""

import numpy as np
import pandas as pd

from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import new_figure
from moe_lab.registry.spelling import unknown_name

__all__ = ["plot_gate_weights", "plot_trust"]

MOST_POINTS = 3000  # more hide each other


def plot_gate_weights(mixture, X):
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
        right the share of rows in which an expert is trusted most.
    """
    import seaborn as sns

    weights, names = mixture.gate_weights(X), expert_names(mixture)
    colors = dict(zip(names, _colors(len(names)), strict=True))
    figure, (left, right) = new_figure(1, 2, width=5.0, height=1.2 + 0.42 * len(names))
    tall = pd.DataFrame(weights, columns=names).melt(var_name="expert", value_name="weight")
    style = {"palette": colors, "hue": "expert", "legend": False}
    sns.boxplot(tall, x="weight", y="expert", whis=(5, 95), fliersize=0, ax=left, **style)
    left.plot(weights.mean(axis=0), range(len(names)), "D", color="white", markeredgecolor="black")
    left.set(xlim=(-0.02, 1.02), xlabel="gate weight (each row sums to 1)", ylabel="")
    share = 100 * np.bincount(weights.argmax(axis=1), minlength=len(names)) / len(weights)
    most = pd.DataFrame({"expert": names, "share": share})
    sns.barplot(most, x="share", y="expert", ax=right, **style)
    for bars in right.containers:
        right.bar_label(bars, fmt="%.0f %%", padding=3)
    right.set(xlim=(0, 115), xlabel="rows that trust it most (%)", ylabel="")
    right.set_yticklabels([])
    return figure


def plot_trust(mixture, X, columns=None):
    """Draw the rows in the plane, coloured by the expert that the gate trusts most.

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
        A strong colour means a weight near 1; a pale one, that experts share the row.
    """
    _check_columns(X, columns)
    rows = np.random.default_rng(0).permutation(len(X))[:MOST_POINTS]
    weights, names = mixture.gate_weights(X)[rows], expert_names(mixture)
    colors = _colors(len(names))
    figure, (axis,) = new_figure(width=5.0, height=4.6, beside=2.2)
    if columns is None and X.shape[1] == 1:
        _draw_lines(axis, X.iloc[rows, 0], weights, names, colors)
    else:
        _draw_points(axis, *_plane(X, columns, rows), weights, names, colors)
    figure.legend(loc="outside right upper", frameon=False, title="most trusted (share of rows)")
    return figure


def _draw_points(axis, x, y, weights, names, colors):
    best = weights.argmax(axis=1)
    strength = np.clip(weights.max(axis=1), 0.15, 1.0)
    axis.scatter(x, y, color=np.asarray(colors)[best], alpha=strength, s=16, linewidths=0)
    for k, name in enumerate(names):
        axis.scatter([], [], color=colors[k], s=50, label=_share(name, best == k))
    axis.set(xlabel=x.name, ylabel=y.name)


def _draw_lines(axis, x, weights, names, colors):
    order = np.argsort(x.to_numpy())
    best = weights.argmax(axis=1)
    for k, name in enumerate(names):
        axis.plot(x.iloc[order], weights[order, k], color=colors[k], label=_share(name, best == k))
    axis.set(xlabel=str(x.name), ylabel="gate weight", ylim=(-0.02, 1.02))


def _plane(X, columns, rows):
    """Return the two coordinates of the rows as named Series."""
    if columns is not None:
        drawn = X.iloc[rows][list(columns)]
        drawn = drawn.astype({c: str for c in columns if drawn[c].dtype == "category"})
        return [drawn[column] for column in columns]
    from sklearn.decomposition import PCA

    from moe_lab.table import NumericTable

    pca = PCA(2, random_state=0)
    points = pca.fit_transform(NumericTable(scale=True).fit_transform(X))[rows]
    told = 100 * pca.explained_variance_ratio_
    titles = [f"principal component {k + 1} ({told[k]:.0f} % of the variance)" for k in range(2)]
    return [pd.Series(points[:, k], name=titles[k]) for k in range(2)]


def _check_columns(X, columns):
    if columns is None:
        return
    if isinstance(columns, str) or len(columns) != 2:
        raise ValueError(f"columns must be a pair of column names, got columns={columns!r}.")
    for column in columns:
        if column not in X.columns:
            raise ValueError(unknown_name("column", column, map(str, X.columns), listed="Columns"))


def _share(name, mine):
    return f"{name} ({100 * np.mean(mine):.0f} %)"


def _colors(count):
    import seaborn as sns

    return sns.color_palette("colorblind" if count <= 10 else "husl", count)
