"""The forms of a table, frame or array: the one place that knows pandas from numpy."""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import pandas as pd
from pandas.api import types
from scipy import sparse
from sklearn.utils import check_array

from moe_lab.table.columns import NUMBER_OBJECTS
from moe_lab.table.frames import as_pandas
from moe_lab.table.texts import is_code

Table: TypeAlias = pd.DataFrame | np.ndarray  # what X may be; lists of rows become one of them


def is_frame(X: object) -> TypeGuard[pd.DataFrame]:
    """Say whether X is a table with names."""
    return isinstance(X, pd.DataFrame)


def is_matrix(X: object) -> bool:
    """Say whether X is an array of numbers, which needs no parsing."""
    return isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fiub"


def as_frame(X: Any, texts: Sequence[int] = ()) -> pd.DataFrame:
    """Return X as a DataFrame; columns of an array are x0, x1, ...

    Parameters
    ----------
    X : frame or array-like of shape (n_samples, n_features)
        Any frame that narwhals knows.
    texts : sequence of int, default=()
        Columns that stay text in an array of text, in which numpy writes numbers as text too.

    Examples
    --------
    >>> as_frame([[1.0, "a"], [2.0, "b"]])["x0"].dtype
    dtype('float64')
    """
    X = as_table(X)
    if is_frame(X):
        return X
    if X.ndim != 2:
        raise ValueError(
            f"X must be a table of rows and columns, got {X.ndim} dimension(s). Reshape your data "
            "with X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row."
        )
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    if X.dtype.kind not in "SU":
        return frame.infer_objects()
    for j, name in enumerate(frame):
        column = X[:, j].astype(str)
        frame[name] = column if j in texts else _as_written(column)
    return frame


def _as_written(texts):
    """Turn back the numbers and booleans of a mixed list that numpy turned into text."""
    if np.isin(texts, ["True", "False"]).all():
        return texts == "True"
    try:
        numbers = pd.to_numeric(texts)
    except ValueError:
        return texts
    return texts if any(map(is_code, texts)) else numbers


def as_table(X: Any) -> Table:
    """Return X as a DataFrame or an array: a frame of any library, rows as lists.

    Raises
    ------
    TypeError
        If X is sparse.
    """
    if sparse.issparse(X):
        raise TypeError(
            "X must be dense, got a sparse matrix; sparse input is not supported. Use "
            "X.toarray(), or pass a pipeline that takes sparse input as expert."
        )
    if is_frame(X) or isinstance(X, np.ndarray):
        return X
    X = as_pandas(X)
    return X if is_frame(X) else _as_array(X)


def _as_array(rows):
    """Return rows as an array of numbers, or of objects where some are none."""
    try:
        numbers = np.asarray(rows)
    except ValueError:  # rows of different lengths
        return np.asarray(rows, dtype=object)
    return numbers if numbers.dtype.kind in "fiubc" else np.asarray(rows, dtype=object)


def checked(X: Any) -> Table:
    """Return X as a DataFrame, or as an array: of floats where it holds numbers alone.

    Raises
    ------
    TypeError
        If X is sparse.
    ValueError
        If X is empty, not two-dimensional, or two columns have one name.
    """
    X = as_table(X)
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
    if X.dtype.kind == "O" and types.infer_dtype(X.ravel(), skipna=True) in NUMBER_OBJECTS:
        X = np.where(pd.isna(X), np.nan, X)
        return X.astype(np.float64)
    return X.astype(np.float64, copy=False) if X.dtype.kind in "biuf" else X


def named_as(X: Table, names: Sequence[str] | None, texts: Sequence[int] = ()) -> Table:
    """Return X as a DataFrame of these names; as it is where ``names`` is None."""
    if names is None:
        return X
    if not is_frame(X):
        X = as_frame(X, texts)
    return X if X.columns.equals(pd.Index(names)) else X.set_axis(names, axis=1)


def names_of(X: Any) -> list:
    """Return the names of the columns; those of an array are x0, x1, ..."""
    return list(X.columns) if is_frame(X) else [f"x{j}" for j in range(np.shape(X)[1])]


def take_rows(X: Any, rows: slice | np.ndarray) -> Any:
    """Return some rows, a slice or positions."""
    return X.iloc[rows] if is_frame(X) else X[rows]


def take_columns(X: Table, positions: np.ndarray) -> Any:
    """Return some columns by position."""
    return X.iloc[:, positions] if is_frame(X) else X[:, positions]


def with_permuted(X: Table, j: int, order: np.ndarray) -> Any:
    """Return a copy of X in which column j has its rows in another order."""
    X = X.copy()
    if is_frame(X):
        X.isetitem(j, X.iloc[order, j].set_axis(X.index))
    else:
        X[:, j] = X[order, j]
    return X
