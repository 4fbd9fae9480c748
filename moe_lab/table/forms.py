"""The forms of a table, frame or array: the one place that knows pandas from numpy."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_array

Table = pd.DataFrame | np.ndarray  # what X may be; lists of rows become one of them


def is_frame(X):
    """Say whether X is a table with names."""
    return isinstance(X, pd.DataFrame)


def is_matrix(X):
    """Say whether X is an array of numbers, which needs no parsing."""
    return isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fiub"


def as_frame(X):
    """Return X as a DataFrame; columns of an array are x0, x1, ...

    Examples
    --------
    >>> as_frame([[1.0, "a"], [2.0, "b"]])["x0"].dtype
    dtype('float64')
    """
    if sparse.issparse(X):
        raise TypeError(
            "X must be dense, got a sparse matrix. Use X.toarray(), or pass a pipeline that takes "
            "sparse input as expert."
        )
    if is_frame(X):
        return X
    X = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
    if X.ndim != 2:
        raise ValueError(
            f"X must be a table of rows and columns, got {X.ndim} dimension(s). Reshape your data "
            "with X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row."
        )
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    if X.dtype.kind in "SU":  # numpy turned the numbers of a mixed list into text: turn them back
        return frame.apply(lambda column: _parsed(column.to_numpy().astype(str)))
    return frame.infer_objects()


def _parsed(texts):
    try:
        return pd.Series(pd.to_numeric(texts))
    except ValueError:
        return pd.Series(texts)


def checked(X):
    """Return X as a DataFrame, or a float array where it is a plain array of numbers.

    Raises
    ------
    TypeError
        If X is sparse.
    ValueError
        If X is empty, not two-dimensional, or two columns have one name.
    """
    if sparse.issparse(X):
        raise TypeError(
            "X must be dense, got a sparse matrix; sparse input is not supported. Use X.toarray()."
        )
    if not is_frame(X):
        return _checked_array(X)
    if min(X.shape) == 0:
        raise ValueError(f"X must have at least one row and one column, got shape {X.shape}.")
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()].unique().tolist()
        raise ValueError(f"X must have unique column names, got more than one of {twice}.")
    return X


def _checked_array(X):
    X = check_array(X, dtype=None, ensure_all_finite=False)
    if X.dtype.kind in "biuf":
        return X.astype(np.float64, copy=False)
    if X.dtype.kind == "O":
        X = np.where(pd.isna(X), np.nan, X)
    try:
        return X.astype(np.float64)
    except ValueError:  # strings: a table without names
        return pd.DataFrame(X).infer_objects()


def named_as(X, names):
    """Return X as a DataFrame of these names; as it is where ``names`` is None."""
    if names is None:
        return X
    if not is_frame(X):
        return pd.DataFrame(X, columns=names)
    return X if X.columns.equals(pd.Index(names)) else X.set_axis(names, axis=1)


def names_of(X):
    """Return the names of the columns; those of an array are x0, x1, ..."""
    return list(X.columns) if is_frame(X) else [f"x{j}" for j in range(np.shape(X)[1])]


def take_rows(X, rows):
    """Return some rows, a slice or positions."""
    return X.iloc[rows] if is_frame(X) else X[rows]


def take_columns(X, positions):
    """Return some columns by position."""
    return X.iloc[:, positions] if is_frame(X) else X[:, positions]


def with_permuted(X, j, order):
    """Return a copy of X in which column j has its rows in another order."""
    X = X.copy()
    if is_frame(X):
        X.isetitem(j, X.iloc[order, j].set_axis(X.index))
    else:
        X[:, j] = X[order, j]
    return X
