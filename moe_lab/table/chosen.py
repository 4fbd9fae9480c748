"""Which columns of a table are read."""

from numbers import Integral

import numpy as np

from moe_lab.registry.spelling import did_you_mean
from moe_lab.table.forms import Table
from moe_lab.table.reading import Reading


def chosen_columns(X: Table | Reading, columns: list[str | int] | None = None) -> np.ndarray:
    """Return the positions of the columns to read, in the order of X, each once.

    Parameters
    ----------
    X : Reading, DataFrame or array-like of shape (n_samples, n_features)
        Columns of an array are called x0, x1, ...
    columns : list of str or int, optional
        Names; for an array, numbers too. None is all columns.

    Returns
    -------
    positions : int ndarray of shape (n_chosen,)

    Examples
    --------
    >>> import pandas as pd
    >>> chosen_columns(pd.DataFrame({"age": [1], "size": [2], "mood": [3]}), ["mood", "age"])
    array([0, 2])
    >>> chosen_columns(np.ones((1, 3)), [2, "x0"])
    array([0, 2])
    """
    X = Reading.of(X)
    names, has_names = X.names, X.has_names
    if columns is None:
        return np.arange(len(names))
    if isinstance(columns, str | Integral):
        raise TypeError(
            f"columns must be a list of names or numbers, got columns={columns!r}. "
            f"Write columns=[{columns!r}]."
        )
    if not len(columns):
        raise ValueError(
            f"columns must hold one column at least, got columns={columns!r}. None is all columns."
        )
    return np.unique([_position(column, names, has_names) for column in columns])


def _position(column, names, has_names):
    if column in names:
        return names.index(column)
    if not has_names and isinstance(column, Integral) and 0 <= column < len(names):
        return int(column)
    listed = [str(name) for name in names]
    raise ValueError(
        f"Unknown column {column!r}. {did_you_mean(str(column), listed)}"
        f"Columns: {', '.join(listed)}."
    )
