"""Figures of a comparison: scores with their spread, and what they cost.

Every function returns a matplotlib Figure that pyplot has forgotten: it shows where it is the
last value of a cell, and can be saved; nothing stays open.
"""

from moe_lab.bench.metrics import get_metric
from moe_lab.bench.statistics import leaderboard
from moe_lab.plots.style import MARKERS, label_log_axis, new_figure

__all__ = ["plot_cost", "plot_scores"]

COLUMNS = 3  # panels beside each other


def plot_scores(scores, metric=None):
    """Draw every fold's score for each method, best first, with mean and standard error.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`; a panel for each data set.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    figure : matplotlib Figure
    """
    import seaborn as sns

    board = leaderboard(scores, None, metric)
    height = 0.9 + 0.32 * board.groupby("dataset").size().max()
    figure, axes = _panels(board["dataset"].unique(), width=5.2, height=height)
    for name, axis in axes.items():
        ranks = board[board["dataset"] == name]
        one = scores[(scores["dataset"] == name) & (scores["metric"] == ranks["metric"].iloc[0])]
        order = list(ranks["method"])
        sns.stripplot(
            one, x="score", y="method", order=order, ax=axis, color="0.6", size=4, jitter=0.15
        )
        axis.errorbar(
            ranks["score"],
            range(len(ranks)),
            xerr=ranks["score_se"].fillna(0),
            fmt="D",
            markersize=6,
            capsize=3,
            color=sns.color_palette("colorblind")[0],
            zorder=3,
        )
        axis.set(xlabel=_axis_label(ranks["metric"].iloc[0]), ylabel="", title=name)
        axis.grid(axis="x", alpha=0.3)
        axis.locator_params(axis="x", nbins=6)
    figure.supxlabel("grey: one fold each; diamond: mean ± standard error", fontsize=9, color="0.4")
    return figure


def plot_cost(scores, metric=None):
    """Draw the mean score of each method against its fit seconds.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`; a panel for each data set.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    figure : matplotlib Figure
    """
    board = leaderboard(scores, None, metric)
    figure, axes = _panels(board["dataset"].unique(), width=4.6, height=3.9, beside=2.2)
    styles = _styles(board["method"].unique())
    for name, axis in axes.items():
        for row in board[board["dataset"] == name].itertuples():
            axis.scatter(row.fit_seconds, row.score, s=75, label=row.method, **styles[row.method])
        measure = board.loc[board["dataset"] == name, "metric"].iloc[0]
        axis.set(xscale="log", xlabel="fit seconds a fold (wall)", title=name)
        label_log_axis(axis.xaxis)
        axis.set_ylabel(_axis_label(measure))
        axis.grid(alpha=0.3)
        axis.margins(0.12)
    _legend(figure, axes.values(), list(styles))
    return figure


def _panels(names, *, width, height, beside=0.0):
    """Return a figure and a dict of data set -> axis."""
    n_columns = min(COLUMNS, len(names))
    n_rows = -(-len(names) // n_columns)
    figure, axes = new_figure(n_rows, n_columns, width=width, height=height, beside=beside)
    for axis in axes[len(names) :]:
        axis.remove()
    return figure, dict(zip(names, axes, strict=False))


def _axis_label(name):
    metric = get_metric(name)
    unit = "unit of the target" if metric.unit == "y" else metric.unit
    better = "lower" if metric.lower_is_better else "higher"
    return f"{name} ({unit}; {better} is better)"


def _styles(methods):
    import seaborn as sns

    colors = sns.color_palette("colorblind", 10)
    return {
        method: {
            "color": colors[k % len(colors)],
            "marker": MARKERS[k % len(MARKERS)],
            "edgecolor": "black",
            "linewidth": 0.5,
        }
        for k, method in enumerate(methods)
    }


def _legend(figure, axes, order):
    found = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend([found[name] for name in order], order, loc="outside right upper", frameon=False)
