"""A decision tree in words: what is asked of a row on its way to each leaf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.table.dates import Dates

if TYPE_CHECKING:
    from moe_lab.table.numeric import NumericTable


class Rules(list):
    """A list of sentences that prints one a line."""

    def __str__(self):
        return "\n".join(self)


def leaf_conditions(tree: Any) -> Iterator[tuple[int, dict]]:
    """Yield each leaf's number and what holds in it, from left to right.

    Parameters
    ----------
    tree : Tree of scikit-learn

    Yields
    ------
    leaf : int
    conditions : dict from the number of a column to (lower, upper)
        The value lies above the lower bound and not above the upper one.
    """
    yield from _descend(tree, 0, {})


def _descend(tree, node, conditions):
    column, left = tree.feature[node], tree.children_left[node]
    if left < 0:
        yield node, conditions
        return
    threshold = tree.threshold[node]
    lower, upper = conditions.get(column, (-np.inf, np.inf))
    yield from _descend(tree, left, conditions | {column: (lower, threshold)})
    yield from _descend(tree, tree.children_right[node], conditions | {column: (threshold, upper)})


def said(
    conditions: dict[int, tuple[float, float]], table: NumericTable, names: list[str] | None = None
) -> str:
    """Say conditions on the columns of a fitted NumericTable in words, in the units of its
    input."""
    columns = table.get_feature_names_out(names)
    n_numbers, n_flags = len(table.number_columns_), len(table.flagged_)
    phrases = []
    for column, (lower, upper) in conditions.items():
        name = columns[column]
        if column < n_numbers:
            bounds = np.array([lower, upper]) * table.scale_[column] + table.mean_[column]
            phrases.append(_between(name, bounds, table.kinds_[table.number_columns_[column]]))
        elif column < n_numbers + n_flags:
            known = name.removesuffix(" missing")
            phrases.append(f"{known} is missing" if lower > 0 else f"{known} is not missing")
        else:
            phrases.append(_of_level(table, names, column, yes=lower > 0))
    return " and ".join(phrases) or "always"


def _between(name, bounds, kind):
    lower, upper = (_spelt(bound, kind) for bound in bounds)
    if np.isinf(bounds[0]):
        return f"{name} <= {upper}"
    return f"{name} > {lower}" if np.isinf(bounds[1]) else f"{lower} < {name} <= {upper}"


def _spelt(bound, kind):
    """A bound as people write it: a number, or a date to the second."""
    if not isinstance(kind, Dates) or np.isinf(bound):
        return f"{bound:.5g}"
    return str(kind.moments(np.array([bound]))[0].floor("s")).removesuffix(" 00:00:00")


def _of_level(table, names, column, *, yes):
    place = column - len(table.number_columns_) - len(table.flagged_)
    owners = [(table.names_ if names is None else names)[j] for j in table.category_columns_]
    for owner, columns in zip(owners, table.level_columns_, strict=True):
        if place < columns.width:
            return columns.said(str(owner), place, yes=yes)
        place -= columns.width
