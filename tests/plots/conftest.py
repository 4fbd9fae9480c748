"""What a drawn figure's parts take up."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def looks():
    """Functions that measure a figure."""
    return SimpleNamespace(boxes=boxes, overlaps=overlaps, all_texts=all_texts, is_inside=is_inside)


def boxes(texts):
    """Return the extents, in pixels, of those texts that are not empty."""
    shown = [text for text in texts if text.get_text().strip() and text.get_visible()]
    return [text.get_window_extent() for text in shown]


def overlaps(extents):
    """Count the pairs of extents that overlap."""
    return sum(
        one.overlaps(other) and one.x0 < other.x1 - 1 and one.y0 < other.y1 - 1
        for k, one in enumerate(extents)
        for other in extents[k + 1 :]
    )


def all_texts(figure):
    """Return all texts of a figure, legends included, and those ticks that are in view."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    out_of_view = set()
    for axis in (one for axes in figure.axes for one in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = axis.get_major_ticks() + axis.get_minor_ticks()
        hidden = [tick for tick in ticks if not low <= tick.get_loc() <= high]
        out_of_view |= {label for tick in hidden for label in (tick.label1, tick.label2)}
    texts = set(figure.findobj(Text)) - out_of_view
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def is_inside(box, frame, slack=1.0):
    """Whether an extent lies within another, but for a pixel."""
    sides = (box.x0 - frame.x0, box.y0 - frame.y0, frame.x1 - box.x1, frame.y1 - box.y1)
    return min(sides) >= -slack
