"""A decision tree in words: what is asked of a row on its way to each leaf."""

import numpy as np


class Rules(list):
    """A list of sentences that prints one a line."""

    def __str__(self):
        return "\n".join(self)


def leaf_conditions(tree):
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


def said(conditions, table, names=None):
    """Say conditions on the columns of a fitted NumericTable in words, in the units of its
    input."""
    columns = table.get_feature_names_out(names)
    n_numbers, n_flags = len(table.number_columns_), len(table.flagged_)
    phrases = []
    for column, (lower, upper) in conditions.items():
        name = columns[column]
        if column < n_numbers:
            bounds = np.array([lower, upper]) * table.scale_[column] + table.mean_[column]
            phrases.append(_between(name, *bounds))
        elif column < n_numbers + n_flags:
            known = name.removesuffix(" missing")
            phrases.append(f"{known} is missing" if lower > 0 else f"{known} is not missing")
        else:
            phrases.append(_level(name, _level_of(table, column), yes=lower > 0))
    return " and ".join(phrases) or "always"


def _between(name, lower, upper):
    if np.isinf(lower):
        return f"{name} <= {upper:.5g}"
    return f"{name} > {lower:.5g}" if np.isinf(upper) else f"{lower:.5g} < {name} <= {upper:.5g}"


def _level_of(table, column):
    first = len(table.number_columns_) + len(table.flagged_)
    return [level for levels in table.levels_ for level in levels][column - first]


def _level(name, level, *, yes):
    owner = name.removesuffix(f"={level}")
    return f"{owner} = {level}" if yes else f"{owner} is not {level}"
