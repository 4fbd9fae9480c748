"""The gate explorer: a fitted mixture to click and to drag.

``mixture.explore(X)`` opens it. A map shows whom the gate trusts most over two features, the others
as in one row; the table beside it, what each expert says of that row, how much it is trusted, and
how far it moves the pooled answer; sliders move the row. Python computes every number that is
shown, by `gate_weights`, `expert_predictions` and `trust`; the front end only draws, and loads
nothing from elsewhere.
"""

from moe_lab.explore.board import Board
from moe_lab.explore.explorer import Explorer
from moe_lab.explore.figure import plot_board
from moe_lab.explore.training import watched

__all__ = ["Board", "Explorer", "plot_board", "watched"]
