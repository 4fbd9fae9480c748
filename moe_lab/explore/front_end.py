"""Who looks at a cell: a front end that can show widgets, or a page that has images alone."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def is_live() -> bool:
    """Say whether a front end asked for this cell: it names the cell, nbclient and papermill do
    not."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and "cellId" in kernel.get_parent().get("metadata", {})


def png_of(figure: Figure) -> bytes:
    """Return a figure as an image."""
    image = BytesIO()
    figure.savefig(image, format="png", dpi=80)
    return image.getvalue()
