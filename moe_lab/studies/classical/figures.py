"""How many experts a classical mixture wants, and how EM reached it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.plots.starts import draw_climb
from moe_lab.plots.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moe_lab.inspection.selection import Selection

__all__ = ["plot_sizes"]


def plot_sizes(selection: Selection, n_experts: int | None = None) -> Figure:
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
    draw_climb(climb, mixture.history_)
    climb.legend(frameon=False)
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
