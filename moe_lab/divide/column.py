"""Domain knowledge: each level of a column is one expert's part."""

import numpy as np

from moe_lab.divide.base import Divider, dividers
from moe_lab.table.forms import Table
from moe_lab.table.rules import MANY_LEVELS, column_levels


@dividers.register("column")
class ColumnDivider(Divider):
    """One expert for each level of a column, in the order of the levels' names.

    Missing values are a level of their own, the last.

    Parameters
    ----------
    column : str or int
        A column's name; for an array, its number.
    """

    takes_reading = True
    example_params = {"column": "group"}

    def __init__(self, column: str | int | None = None):
        self.column = column

    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None = None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        codes, names = column_levels(X, self.column)
        if len(names) > MANY_LEVELS:
            raise ValueError(
                f"A column that divides must have at most {MANY_LEVELS} levels, got {len(names)} "
                f"in {self.column!r}. Cut it into ranges with divide=('rules', {{'rules': [...]}})."
            )
        if n_experts is not None and n_experts != len(names):
            raise ValueError(
                f"n_experts must be None or the number of levels, got n_experts={n_experts} and "
                f"{len(names)} levels of {self.column!r}: {', '.join(names)}."
            )
        return np.eye(len(names))[codes]
