"""Figures: recall over training, memory against its cost, loads over time, experts and topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from moe_lab.plots.style import colors, log_ticks, name_rows, new_figure
from moe_lab.studies.sparse_layer.nets import METHODS, SPARSE
from moe_lab.studies.sparse_layer.specialising import shares_of_topics
from moe_lab.studies.sparse_layer.tables import even_shares

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from moe_lab.studies.sparse_layer.study import Setting

__all__ = ["plot_experts", "plot_learning", "plot_loads", "plot_memory"]

LEARNT = SPARSE[:3]  # those whose gate is trained
HIGHEST = 4.0  # even shares at the top of the scale; its foot is one over it


def plot_learning(scores: pd.DataFrame, trained: dict, setting: Setting) -> Figure:
    """Draw what every method recalls in the end, seed by seed, and how it came there.

    Parameters
    ----------
    scores : DataFrame
    trained : dict from (method, seed) to Trained
        Both from `compare`.
    setting : Setting

    Returns
    -------
    figure : matplotlib Figure
        Left the end (a tick a seed, a diamond for the mean), right the way (means over seeds).
    """
    methods = list(scores["method"].unique())
    width, height = 4.6, 1.4 + 0.36 * len(methods)
    figure, (end, way) = new_figure(1, 2, width=width, height=height)
    for row, method in enumerate(methods):
        bits = scores.loc[scores["method"] == method, "bits"]
        end.plot(bits, [row] * len(bits), "|", color="black", markersize=13, zorder=3)
        end.plot(bits.mean(), row, "D", color=_colors()[method], markersize=7)
        curves = [one for (name, _), one in trained.items() if name == method]
        mean = np.mean([one.bits for one in curves], axis=0)
        line = "-" if method in SPARSE else "--"
        way.plot(curves[0].steps, mean, line, color=_colors()[method], linewidth=2)
    name_rows(end, methods)
    end.set_xlabel("bits recalled of a fact (higher is better)")
    way.set(xlabel="steps", ylabel="bits recalled of a fact")
    most = np.log2(setting.n_answers)
    end.axvline(most, color="0.4", linestyle=":", zorder=0)
    way.axhline(most, color="0.4", linestyle=":", zorder=0)
    way.set_ylim(top=1.1 * most)
    way.text(0, 1.01 * most, "all there is", color="0.4", va="bottom")
    for axis in (end, way):
        axis.grid(alpha=0.3)
    return figure


def plot_memory(scores: pd.DataFrame) -> Figure:
    """Draw what nets of several sizes recall against what a row costs them and how large they are.

    Parameters
    ----------
    scores : DataFrame
        From `sizes`.

    Returns
    -------
    figure : matplotlib Figure
        Points are means over seeds.
    """
    kilobits = scores["bits"] * scores["n_facts"] / 1000
    family = scores["method"].where(scores["method"].isin(SPARSE), "dense nets")
    points = scores.assign(kilobits=kilobits, family=family)
    columns = ["family", "method", "n_experts", "active_flops", "parameters"]
    points = points.groupby(columns, as_index=False)["kilobits"].mean()
    figure, axes = new_figure(1, 2, width=4.6, height=3.6)
    labels = ("active FLOPs of a row, forward", "parameters")
    for axis, column, label in zip(axes, ("active_flops", "parameters"), labels, strict=True):
        _draw_families(axis, points, column)
        axis.set(xlabel=label, ylabel="kilobits recalled (higher is better)")
        log_ticks(axis.xaxis)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False, loc="lower right")
    return figure


def _draw_families(axis, points, column):
    own = _colors() | {"dense nets": _colors()["dense, same parameters"]}
    for family, one in points.groupby("family", sort=False):
        one = one.sort_values(column)
        marker = "o-" if family in SPARSE else "s--"
        axis.plot(one[column], one["kilobits"], marker, color=own[family], label=family)
        if family in SPARSE:
            for point in one.itertuples():
                where = (getattr(point, column), point.kilobits)
                offset = {"xytext": (-6, 5), "textcoords": "offset points", "ha": "right"}
                axis.annotate(f"{point.n_experts}", where, fontsize=8, color="0.3", **offset)


def plot_loads(trained: dict, seed: int, methods: Sequence[str] = LEARNT) -> Figure:
    """Draw the load of every expert over the steps of training.

    Parameters
    ----------
    trained : dict from (method, seed) to Trained
    seed : int
        Whose experts to draw.
    methods : sequence of str, optional
        Sparse ones.

    Returns
    -------
    figure : matplotlib Figure
        A panel for each method, busiest experts on top (at the end of training), and the busiest
        and the idlest expert of each, means over seeds.
    """
    n_panels = len(methods) + 1
    figure, axes = new_figure(1, n_panels, width=3.5, height=3.4)
    for axis, method in zip(axes, methods, strict=False):
        image = _draw_loads(axis, trained[method, seed], method)
    axes[0].set_ylabel("experts, busiest first")
    bar = figure.colorbar(image, ax=axes[: len(methods)], shrink=0.9, pad=0.02, extend="both")
    bar.set_label("load (even shares)")
    _say_shares(bar.ax.yaxis)
    _draw_extremes(axes[-1], trained, methods)
    return figure


def _draw_loads(axis, one, method):
    shares = even_shares(one)
    order = np.argsort(-shares[-1])
    edges = np.concatenate([[0], one.steps])
    logs = np.log2(np.maximum(shares[:, order], 1e-3)).T
    most = np.log2(HIGHEST)
    style = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "rasterized": True}
    image = axis.pcolormesh(edges, np.arange(len(order) + 1), logs, **style)
    axis.set(title=method, xlabel="steps", ylim=(len(order), 0), yticks=[])
    return image


def _draw_extremes(axis, trained, methods):
    for method in methods:
        curves = [one for (name, _), one in trained.items() if name == method]
        shares = np.array([even_shares(one) for one in curves])  # (seeds, stages, experts)
        for extreme in (shares.max(-1), shares.min(-1)):
            height = np.log2(np.maximum(extreme.mean(0), 1e-3))
            label = method if extreme.mean() > 1 else None
            axis.plot(curves[0].steps, height, color=_colors()[method], linewidth=2, label=label)
    axis.set(title="busiest and idlest expert", xlabel="steps", ylabel="load (even shares)")
    axis.set_ylim(-5, 3)
    _say_shares(axis.yaxis)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=8, loc="lower left")


def _say_shares(axis):
    """Write 1/2, 1, 2 where the axis has their logarithms."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axis.set_major_locator(MultipleLocator(1))
    say = FuncFormatter(lambda x, _: f"{2**x:.0f}" if x >= 0 else f"1/{2**-x:.0f}")
    axis.set_major_formatter(say)


def plot_experts(
    trained: dict, setting: Setting, seed: int, methods: Sequence[str] = SPARSE
) -> Figure:
    """Draw of which topics the facts are that each expert is the first to be asked for.

    Parameters
    ----------
    trained : dict from (method, seed) to Trained
    setting : Setting
    seed : int
    methods : sequence of str, optional
        Sparse ones.

    Returns
    -------
    figure : matplotlib Figure
        Experts by their main topic; the column at the left has the shares in all facts, which an
        expert that knows no topics would have.
    """
    facts = setting.facts(seed)
    everything = np.bincount(facts.topics) / len(facts.topics)  # (n_topics,)
    figure, axes = new_figure(1, len(methods), width=3.5, height=1.4 + 0.24 * setting.n_topics)
    for axis, method in zip(axes, methods, strict=True):
        shares = shares_of_topics(trained[method, seed], facts, setting.n_experts)
        asked = shares[:, ~np.isnan(shares).any(axis=0)]
        order = np.lexsort((-asked.max(axis=0), asked.argmax(axis=0)))
        gap = np.full((len(everything), 1), np.nan)
        shown = np.hstack([everything[:, None], gap, asked[:, order]])
        image = axis.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.set(title=method, xlabel=f"{asked.shape[1]} experts", xticks=[0], xticklabels=["all"])
        axis.set_yticks(range(setting.n_topics), [f"{t + 1}" for t in range(setting.n_topics)])
    axes[0].set_ylabel("topic, largest first")
    figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02, label="share of the expert's facts")
    return figure


def _colors():
    return dict(zip(METHODS, colors(len(METHODS)), strict=True))
