"""The explorer as a value of a notebook: a widget where there is a front end, always a figure."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from moe_lab.explore.board import Board
from moe_lab.explore.figure import plot_board
from moe_lab.explore.front_end import is_live, png_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moe_lab.explore.widget import BoardWidget
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["Explorer"]


class Explorer:
    """What ``mixture.explore`` returns.

    As the last value of a cell it shows the widget and, behind it, the figure that an exported
    notebook has in its place. Where no front end listens, as in papermill, it shows the figure
    alone, so that the notebook has no widget whose code would be loaded from elsewhere.

    Parameters
    ----------
    mixture, X, columns, row
        As in ``mixture.explore``.

    Attributes
    ----------
    board : Board
        What answers.
    """

    def __init__(
        self, mixture: MoERegressor | MoEClassifier, X: Table, columns: Any = None, row: int = 0
    ):
        self.board = Board(mixture, X, columns, row)

    @cached_property
    def widget(self) -> BoardWidget:
        """The widget alone, for a front end that does not say that it is one."""
        from moe_lab.explore.widget import BoardWidget

        return BoardWidget(self.board)

    def figure(self) -> Figure:
        """Return the figure: map, gate weights, predictions and trust of the first row."""
        return plot_board(self.board)

    def __repr__(self):
        board = self.board
        plane = " and ".join(board.features[j].name for j in board.columns)
        return f"Explorer({len(board.names)} experts, {board.n_rows} rows, map of {plane})"

    def _repr_png_(self):
        return png_of(self.figure())

    def _ipython_display_(self):
        from IPython.display import display

        if is_live():
            display(self.widget)
        still = {"image/png": self._repr_png_(), "text/plain": repr(self)}
        display(still, raw=True)
