"""What all figures share: colours, markers, names that fit, axes, panels, legends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

# Each colour is as far as can be from those before it, for people who see all colours and for those
# who lack red, green or blue cones (CIELAB, Machado et al. 2009); greys are left to rows and lines.
PALETTE = (
    *("#0072b2", "#e69f00", "#960000", "#9600ff", "#874b5a", "#3ce187", "#a5c3ff", "#e1693c"),
    *("#9678ff", "#4b2db4", "#5a3c69", "#b487b4", "#b45a4b", "#5ab487", "#d200b4", "#871e2d"),
    *("#d2c35a", "#b43c00", "#b46987", "#7896e1"),
)
MARKERS = "osD^vP*Xph<"  # their number has no factor in common with that of the colours
WIDTH = 30  # characters of a name before it goes on in the next line
MOST_TICKS = 6  # of a logarithmic axis


def colors(count: int) -> np.ndarray:
    """Return a colour for each of the first experts: the k-th is the same however many there are.

    Returns
    -------
    colors : ndarray of shape (count, 3)
        Red, green and blue, from 0 to 1.
    """
    from matplotlib.colors import to_rgb

    base = np.array([to_rgb(color) for color in PALETTE])
    numbers = np.arange(count)
    return base[numbers % len(base)] * 0.6 ** (numbers // len(base))[:, None]


def signs(names: Sequence[str]) -> dict[str, dict]:
    """Return a dict of name -> colour and marker, no two of them equal."""
    return {
        name: {"color": color, "marker": MARKERS[k % len(MARKERS)]}
        for k, (name, color) in enumerate(zip(names, colors(len(names)), strict=True))
    }


def wrapped(name: str, width: int = WIDTH) -> str:
    """Break a long name into lines.

    Examples
    --------
    >>> print(wrapped("moe(experts=linear+lightgbm, gate=constant)"))
    moe(experts=linear+lightgbm,
    gate=constant)
    >>> print(wrapped("GradientBoostingRegressor", 12))
    Gradient
    Boosting
    Regressor
    """
    lines = [""]
    for piece in pieces(str(name), width):
        if len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines if line.strip())


def pieces(name: str, width: int = WIDTH) -> Iterator[str]:
    """Cut a name where a line may end: after a sign, before a capital, at last anywhere."""
    for piece in re.findall(r".+?(?:[ ,+(_/\-]+|(?<=[a-z])(?=[A-Z])|$)", name, flags=re.S):
        yield from (piece[k : k + width] for k in range(0, len(piece), width))


def n_lines(names: Iterable[str], width: int = WIDTH) -> int:
    """Return how many lines all names take."""
    return sum(wrapped(name, width).count("\n") + 1 for name in names)


def new_figure(
    n_rows: int = 1,
    n_columns: int = 1,
    *,
    width: float = 5.0,
    height: float = 4.0,
    beside: float = 0.0,
) -> tuple[Figure, list[Axes]]:
    """Return a figure that pyplot has forgotten, and its axes as a flat list.

    Width and height are those of one panel, `beside` is left to a legend; all in inches.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns + beside, height * n_rows),
        squeeze=False,
        layout="constrained",
    )
    plt.close(figure)  # else it would show twice in a notebook, and stay in memory
    return figure, list(axes.flat)


def new_panels(
    names: Sequence[str], *, width: float, height: float, beside: float = 0.0, n_columns: int = 3
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, one for each name, three beside each other."""
    n_columns = min(n_columns, len(names))
    n_rows = -(-len(names) // n_columns)
    figure, axes = new_figure(n_rows, n_columns, width=width, height=height, beside=beside)
    for axis in axes[len(names) :]:
        axis.remove()
    for axis, name in zip(axes, names, strict=False):
        axis.set_title(wrapped(name, 26), parse_math=False)
    return figure, axes[: len(names)]


def name_rows(axis: Axes, names: Sequence[str], width: int = WIDTH) -> None:
    """Write the names down the side of an axis whose rows are numbered, all of each row in view."""
    axis.set_yticks(range(len(names)), [wrapped(name, width) for name in names])
    for label in axis.get_yticklabels():
        label.set_parse_math(False)
    axis.set_ylim(len(names) - 0.5, -0.5)


def add_legend(
    figure: Figure,
    axes: Sequence[Axes] | None = None,
    order: Sequence[str] | None = None,
    title: str | None = None,
) -> Legend:
    """Explain every sign once, beside the panels; make room for what stands there."""
    found: dict = {}
    for axis in axes or figure.axes:
        handles, names = axis.get_legend_handles_labels()
        found |= dict(zip(names, handles, strict=True))
    found = found if order is None else {name: found[name] for name in order if name in found}
    legend = figure.legend(
        found.values(),
        [wrapped(name) for name in found],
        loc="outside right upper",
        frameon=False,
        title=title,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    _make_room(figure, legend)
    return legend


def _make_room(figure, legend):
    """Let the figure grow where a legend is higher than it."""
    needed = legend.get_window_extent().height / figure.dpi + 0.2
    if needed > figure.get_figheight():
        figure.set_figheight(needed)


def log_ticks(axis: Axis) -> None:
    """Make an x or y axis logarithmic, with plain numbers that do not touch each other."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    low, high = axis.get_view_interval()
    axis.set_major_locator(FixedLocator(_ticks(low, high) if low > 0 else []))  # nothing is drawn
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _ticks(low, high):
    """Return round numbers from low to high: as many as can stand side by side."""
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    steps = [(decades, (1, 2, 5)), (decades, (1, 3)), (decades, (1,))]
    steps += [(decades[::step], (1,)) for step in range(2, len(decades))]
    for powers, digits in steps:
        ticks = np.array([digit * 10.0**power for power in powers for digit in digits])
        ticks = ticks[(low <= ticks) & (ticks <= high)]
        if len(ticks) <= MOST_TICKS:
            break
    return ticks if len(ticks) > 1 else _even_ticks(low, high)


def _even_ticks(low, high):
    """Return ticks of an interval that is too short for 1, 2, 5."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(4, min_n_ticks=2).tick_values(low, high)
    return ticks[(low <= ticks) & (ticks <= high)]
