"""The widgets: they hand messages of the front end on, and the answers back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from moe_lab.plots.style import colors

if TYPE_CHECKING:
    from moe_lab.explore.board import Board

HERE = Path(__file__).parent


def experts_of(names: list[str]) -> list[dict]:
    """Return name and colour of each expert, as a front end draws them."""
    shades = np.rint(255 * colors(len(names))).astype(int)
    return [
        {"name": name, "color": "#{:02x}{:02x}{:02x}".format(*shade)}
        for name, shade in zip(names, shades, strict=True)
    ]


class _Answers(anywidget.AnyWidget):
    _css = HERE / "explorer.css"
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, answers: Any, state: dict):
        super().__init__(state=state)
        self._answers = answers
        self.on_msg(self._answer)

    def _answer(self, _, message, buffers):
        answer = self._answers.answer(message)
        if answer is not None:
            self.send(answer)


class BoardWidget(_Answers):
    """A Board in a front end.

    Parameters
    ----------
    board : Board
    """

    _esm = HERE / "explorer.js"

    def __init__(self, board: Board):
        super().__init__(board, board.state() | {"experts": experts_of(board.names)})


class TrainingWidget(_Answers):
    """A Training in a front end.

    Parameters
    ----------
    training : Training
    """

    _esm = HERE / "training.js"

    def __init__(self, training: Any):
        super().__init__(training, {"experts": experts_of(training.names)})
