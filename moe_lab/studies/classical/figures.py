"""Figures of classical mixtures: sizes and starts, regions of the plane, bands over one column."""

import numpy as np
import pandas as pd

from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import new_figure

__all__ = ["plot_bands", "plot_regions", "plot_sizes"]

GRID = 250  # points along each axis
STEPS = {"em": "EM", "quasi_newton": "quasi-Newton"}
LEVELS = (0.95, 0.8, 0.5)  # of the bands, the widest first


def plot_sizes(selection, n_experts=None):
    """Draw what decides on the number of experts, and how EM reached one of the mixtures.

    Parameters
    ----------
    selection : Selection
        From `select_n_experts`, of mixtures trained by EM.
    n_experts : int, optional
        Whose starts to draw; default: the best.

    Returns
    -------
    figure : matplotlib Figure
        The criteria; the log-likelihood that every start reached; its way there, round by round.
    """
    n_experts = selection.best if n_experts is None else n_experts
    mixture = selection.mixtures[n_experts]
    figure, (criteria, starts, climb) = new_figure(1, 3, width=4.6, height=3.8)
    selection.plot(ax=criteria)
    _draw_starts(starts, mixture.starts_["log_likelihood"])
    _draw_climb(climb, mixture.history_)
    starts.set_title(f"starts of {n_experts} experts")
    climb.set_title("their way, round by round")
    return figure


def _draw_starts(axis, reached):
    ordered = reached.sort_values()
    axis.plot(range(1, len(ordered) + 1), ordered, "o", color="0.45")
    axis.plot(len(ordered), ordered.iloc[-1], "*", color="black", markersize=14, label="best")
    axis.set(xlabel="starts, worst first", ylabel="log-likelihood reached (nats)")
    axis.legend(frameon=False)
    axis.grid(alpha=0.3)


def _draw_climb(axis, history):
    import seaborn as sns

    colors = dict(zip(STEPS, sns.color_palette("colorblind"), strict=False))
    history = history.assign(round=history.groupby("start").cumcount() + 1)
    for _, rounds in history.groupby("start"):
        axis.plot(rounds["round"], rounds["log_likelihood"], color="0.8", linewidth=1, zorder=1)
    for step, rounds in history.groupby("step"):
        style = {"color": colors[step], "s": 14, "zorder": 2, "label": STEPS[step]}
        axis.scatter(rounds["round"], rounds["log_likelihood"], **style)
    axis.set(xlabel="round", ylabel="log-likelihood (nats)")
    axis.legend(frameon=False)
    axis.grid(alpha=0.3)


def plot_regions(mixture, X, y):
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
    from matplotlib.colors import ListedColormap

    if X.shape[1] != 2 or len(mixture.classes_) != 2:
        raise ValueError(
            "X must have two columns and y two classes to be drawn in the plane, got "
            f"{X.shape[1]} columns and {len(mixture.classes_)} classes."
        )
    across, up, grid = _plane(X)
    second = mixture.predict_proba(grid)[:, 1].reshape(across.shape)
    trusted = mixture.gate_weights(grid).argmax(axis=1).reshape(across.shape)
    figure, axes = new_figure(1, 2, width=5.0, height=4.6)
    shade = axes[0].pcolormesh(across, up, second, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6)
    colors = ListedColormap(_colors(mixture.n_experts_))
    most = {"vmin": -0.5, "vmax": mixture.n_experts_ - 0.5, "alpha": 0.6}
    axes[1].pcolormesh(across, up, trusted, cmap=colors, **most)
    for axis in axes:
        axis.contour(across, up, second, levels=[0.5], colors="black", linewidths=1)
        _draw_classes(axis, X, y, mixture.classes_)
        axis.set(xlabel=X.columns[0], ylabel=X.columns[1], aspect="equal")
    figure.colorbar(shade, ax=axes[0], shrink=0.8, label=f"probability of {mixture.classes_[1]}")
    axes[0].set_title("pooled")
    somewhere = len(np.unique(trusted))
    axes[1].set_title(f"most trusted: {somewhere} of {mixture.n_experts_} experts")
    axes[1].legend(*axes[1].get_legend_handles_labels(), title="class", loc="upper right")
    return figure


def _plane(X):
    ends = [(X[column].min() - 0.3, X[column].max() + 0.3) for column in X]
    across, up = np.meshgrid(*[np.linspace(*end, GRID) for end in ends])
    return (
        across,
        up,
        pd.DataFrame(np.column_stack([across.ravel(), up.ravel()]), columns=X.columns),
    )


def _draw_classes(axis, X, y, classes):
    for label, face in zip(classes, ("white", "black"), strict=True):
        rows = X[(y == label).to_numpy()]
        style = {"s": 7, "color": face, "edgecolors": "black", "linewidths": 0.4}
        axis.scatter(rows.iloc[:, 0], rows.iloc[:, 1], label=label, **style)


def plot_bands(mixture, X, y):
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
    if X.shape[1] != 1:
        raise ValueError(f"X must have one column to draw bands over it, got {X.shape[1]}.")
    x = X.iloc[:, 0]
    grid = pd.DataFrame({x.name: np.linspace(x.min(), x.max(), 2 * GRID)})
    across, says = grid.iloc[:, 0], mixture.predict_distribution(grid)
    figure, (rows, gate) = new_figure(2, 1, width=7.0, height=3.0, beside=1.6)
    for level, tone in zip(LEVELS, ("#dbe9f6", "#b3d2ea", "#7fb3d8"), strict=True):
        low, high = says.interval(level).T
        label = f"{100 * level:.0f} % of the rows"
        rows.fill_between(across, low, high, color=tone, linewidth=0, label=label)
    rows.plot(across, says.mean, color="black", linewidth=2, label="mean")
    rows.scatter(x, y, s=12, color="0.35", zorder=3, label="rows")
    rows.set(ylabel=y.name)
    weights = mixture.gate_weights(grid)
    for name, color, line in zip(
        expert_names(mixture), _colors(mixture.n_experts_), weights.T, strict=True
    ):
        gate.plot(across, line, color=color, linewidth=2, label=name)
    gate.set(xlabel=x.name, ylabel="gate weight", ylim=(-0.03, 1.03))
    for axis in (rows, gate):
        axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    rows.sharex(gate)
    rows.tick_params(labelbottom=False)
    return figure


def _colors(count):
    import seaborn as sns

    return sns.color_palette("colorblind" if count <= 10 else "husl", count)
