"""The widget: hands messages of the front end to the board, and its answers back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from moe_lab.explore.board import Board

HERE = Path(__file__).parent


class BoardWidget(anywidget.AnyWidget):
    """A Board in a front end.

    Parameters
    ----------
    board : Board
    """

    _esm = HERE / "explorer.js"
    _css = HERE / "explorer.css"
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, board: Board):
        super().__init__(state=board.state())
        self.board = board
        self.on_msg(self._answer)

    def _answer(self, _: Any, message: dict, buffers: list) -> None:
        self.send(self.board.answer(message))
