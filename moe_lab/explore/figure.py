"""The explorer as a figure: what it shows before anybody touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.plots.style import colors, name_rows, new_figure, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moe_lab.explore.board import Board

MOST_STEPS = 6  # that are named along an axis
GREY = (0.5, 0.5, 0.5)  # of the correction
PALE = 0.55  # of the map, so that the points stand out


def plot_board(board: Board) -> Figure:
    """Draw the map of trust and what the mixture says of the chosen row.

    Parameters
    ----------
    board : Board

    Returns
    -------
    figure : matplotlib Figure
        The map; gate weights; what each expert says, the pooled answer as a line; how far each
        moves it from the plain mean of the experts.
    """
    n_rows = len(board.names) + 1
    figure, (plane, weights, said, trust) = new_figure(2, 2, width=5.2, height=2.4 + 0.2 * n_rows)
    told = board.told(board.row)
    draw = _draw_lines if len(board.columns) == 1 else _draw_map
    draw(plane, board)
    n_experts = len(board.names)
    _draw_bars(weights, told["weights"], board.names, "gate weight", n_experts)
    _draw_said(said, told, board)
    if told["trust"] is None:
        trust.remove()
    else:
        unit = "by, unit of y" if board.classes is None else f"towards {_label(board, told)}"
        names = [*board.names, "correction"]
        _draw_bars(trust, told["trust"], names, f"moves the answer {unit}", n_experts)
    figure.suptitle(f"row {board.row}. {board.remark}".rstrip())
    return figure


def _draw_map(axis, board):
    answer, points = board.map(board.columns, board.row), board.points(board.columns)
    across, up = (board.features[j] for j in board.columns)
    shades = colors(len(board.names))
    shade = np.column_stack([shades[answer["best"]], PALE * np.array(answer["strength"])])
    ends = [*_ends(across), *_ends(up)]
    image = shade.reshape(*answer["shape"], 4)
    axis.imshow(image, extent=ends, origin="lower", aspect="auto", interpolation="nearest")
    x, y = (np.array(places, dtype=float) for places in points["places"])
    axis.scatter(x, y, c=shades[points["best"]], s=10, edgecolors="white", linewidths=0.3)
    at = [feature.places[board.row] for feature in (across, up)]
    axis.scatter(*at, s=120, facecolors="none", edgecolors="black", linewidths=2)
    _name_axis(axis.xaxis, across)
    _name_axis(axis.yaxis, up)
    axis.set(title="most trusted", xlim=ends[:2], ylim=ends[2:])


def _draw_lines(axis, board):
    feature = board.features[board.columns[0]]
    weights = board.map(board.columns, board.row)["weights"]
    places = np.linspace(feature.low, feature.high, len(weights[0]))
    for line, color in zip(weights, colors(len(weights)), strict=True):
        axis.plot(places, line, color=color)
    axis.axvline(feature.places[board.row], color="black", linewidth=1)
    _name_axis(axis.xaxis, feature)
    axis.set(ylabel="gate weight", ylim=(-0.02, 1.02))


def _draw_bars(axis, values, names, title, n_experts):
    shades = [*colors(n_experts), GREY][: len(values)]
    bars = axis.barh(range(len(values)), values, color=shades, height=0.7)
    axis.bar_label(bars, fmt="%.3g", padding=3)
    axis.margins(x=0.35)
    axis.set_title(title, fontsize=10)
    name_rows(axis, names, width=20)


def _draw_said(axis, told, board):
    axis.scatter(told["said"], range(len(board.names)), c=colors(len(board.names)), s=60)
    axis.axvline(told["pooled"], color="black", linewidth=1)
    pooled = f"pooled {told['pooled']:.4g}"
    what = "predicts" if board.classes is None else f"probability of {_label(board, told)}"
    axis.set_title(f"{what}; line: {pooled}", fontsize=10)
    axis.margins(x=0.35)
    name_rows(axis, board.names, width=20)


def _label(board, told):
    return board.classes[told["label"]]


def _ends(feature):
    return (-0.5, feature.high + 0.5) if feature.steps is not None else (feature.low, feature.high)


def _name_axis(axis, feature):
    axis.set_label_text(wrapped(feature.name), parse_math=False)
    if feature.steps is None:
        return
    labels = feature.labels
    ticks = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), MOST_STEPS)).astype(int))
    axis.set_ticks(ticks, [wrapped(labels[tick], 12) for tick in ticks])
