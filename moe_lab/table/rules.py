"""Domain knowledge: regions of the input described by a column or by pandas expressions."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from moe_lab.registry.spelling import did_you_mean, unknown_name
from moe_lab.table.forms import Table, as_frame
from moe_lab.table.reading import Reading

MANY_LEVELS = 100  # a column of more is a measurement, not a grouping


def rule_regions(X: Table | Reading, rules: Sequence[str]) -> np.ndarray:
    """Say which rule decides about each row: the first that holds.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        Columns of an array are called x0, x1, ...
    rules : list of str
        pandas expressions (`DataFrame.eval`) that are true or false, such as
        ``"age < 30 and smoker == 'yes'"``; a name with spaces goes between backticks.

    Returns
    -------
    regions : int ndarray of shape (n_samples,)
        Position in ``rules``; ``len(rules)`` where none holds.

    Raises
    ------
    ValueError
        If a rule cannot be read, names a column that is not there, or is not true or false.

    Examples
    --------
    >>> rule_regions([[-1.0], [0.5], [3.0]], ["x0 < 0", "x0 > 2"])
    array([0, 2, 1])
    """
    if isinstance(rules, str) or not all(isinstance(rule, str) for rule in rules):
        raise TypeError(
            f"rules must be a list of pandas expressions, got rules={rules!r}. "
            "Write rules=['age < 30', 'age >= 65']."
        )
    if not len(rules):
        raise ValueError(
            f"rules must hold one expression at least, got rules={rules!r}. "
            "Write rules=['age < 30', 'age >= 65']."
        )
    frame = X.frame if isinstance(X, Reading) else as_frame(X)
    regions = np.full(len(frame), len(rules))
    for number in reversed(range(len(rules))):
        regions[_holds(frame, rules[number])] = number
    return regions


def _holds(frame, rule):
    try:
        answer = frame.eval(rule, engine="python")
    except Exception as error:  # pandas hands on whatever the expression raises
        raise ValueError(_why_unreadable(frame, rule, error)) from error
    answer = pd.Series(answer, index=frame.index) if np.ndim(answer) == 0 else answer
    if not isinstance(answer, pd.Series) or answer.dtype not in (bool, "boolean"):
        got = getattr(answer, "dtype", type(answer).__name__)
        raise ValueError(f"Rule {rule!r} must be true or false for a row, got {got}. Compare it.")
    return answer.to_numpy(dtype=bool, na_value=False)


def _why_unreadable(frame, rule, error):
    names = [str(name) for name in frame.columns]
    missing = re.search("'(.+?)'", str(error)) if isinstance(error, NameError) else None
    if missing:
        return f"Rule {rule!r}: " + unknown_name("column", missing[1], names, listed="Columns")
    return (
        f"Rule {rule!r} must be a pandas expression over the columns of X, got "
        f"{type(error).__name__}: {error}. Columns: {', '.join(names)}."
    )


def column_levels(X: Table | Reading, column: str | int | None) -> tuple[np.ndarray, list[str]]:
    """Return each row's level of a column; missing values are a level of their own, the last.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
    column : str or int
        A column's name; for an array, its number (or x0, x1, ...).

    Returns
    -------
    codes : int ndarray of shape (n_samples,)
    names : list of str

    Examples
    --------
    >>> column_levels(pd.DataFrame({"colour": ["red", None, "blue"]}), "colour")
    (array([1, 2, 0]), ['blue', 'red', 'missing'])
    """
    X = Reading.of(X)
    codes, names = X.levels(_position(X, column))
    if (codes < 0).any():
        return np.where(codes < 0, len(names), codes), [*names, "missing"]
    return codes, names


def _position(X, column):
    if column in X.names:
        return X.names.index(column)
    if not X.has_names and isinstance(column, int) and 0 <= column < len(X.names):
        return column
    names = [str(name) for name in X.names]
    listed = f"Columns: {', '.join(names)}."
    raise ValueError(f"Unknown column {column!r}. {did_you_mean(str(column), names)}{listed}")
