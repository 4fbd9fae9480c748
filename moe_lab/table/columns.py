"""Reading a table: which columns hold numbers and which hold levels."""

from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd
from pandas.api import types
from scipy import sparse
from sklearn.utils.validation import validate_data

# What pandas.api.types.infer_dtype says of object columns that hold numbers or times.
_NUMBERS = {"floating", "integer", "mixed-integer-float", "decimal", "boolean"}
_DATES = {"datetime64", "datetime", "date"}
_TIMES = {"timedelta64", "timedelta"}
_NOT_A_TABLE = {"complex", "period", "interval", "time"}


def open_table(estimator, X, *, reset):
    """Return X as a DataFrame, or a matrix of numbers as it is; its columns must be the fit's."""
    table = X if is_numeric_array(X) else as_frame(X)
    validate_data(estimator, X, skip_check_array=True, reset=reset)
    return table


def is_numeric_array(X):
    """Say whether X is a matrix of numbers, which needs no reading."""
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
    if isinstance(X, pd.DataFrame):
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


def holds_levels(column):
    """Say whether a column holds levels (text, categories); numbers and dates are none.

    An object column where nothing is known has levels, none of them seen.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return True
    if dtype.kind == "c" or isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        raise TypeError(_unreadable(column, dtype))
    if types.is_numeric_dtype(dtype) or types.is_datetime64_any_dtype(dtype) or dtype.kind == "m":
        return False
    held = types.infer_dtype(column, skipna=True)
    if held in _NOT_A_TABLE:
        raise TypeError(_unreadable(column, held))
    if held in ("mixed", "mixed-integer"):  # such as a Decimal among integers, or 1 among "a"
        return not all(isinstance(value, Real | Decimal) for value in column.dropna())
    return held not in _NUMBERS | _DATES | _TIMES


def _unreadable(column, held):
    return (
        f"Column {column.name!r} of X holds {held}: each argument must be a string, a number, "
        "a date or missing. Convert the column, or drop it."
    )


def read_numbers(column):
    """Return a column as floats: missing is NaN, booleans are 0 and 1, times are in seconds."""
    dtype = column.dtype
    if dtype.kind in "fiub" and isinstance(dtype, np.dtype):
        return column.to_numpy(dtype=float)
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if dtype.kind in "OT" or isinstance(dtype, pd.StringDtype):
        column = _objects_as_numbers(column)
    if types.is_datetime64_any_dtype(column.dtype):
        column = column.dt.tz_localize(None) if column.dt.tz is not None else column
        column = column - pd.Timestamp(0)
    if column.dtype.kind == "m":
        return column.dt.total_seconds().to_numpy(dtype=float, na_value=np.nan)
    return column.to_numpy(dtype=float, na_value=np.nan)


def _objects_as_numbers(column):
    held = types.infer_dtype(column, skipna=True)
    try:
        if held in _DATES:
            return pd.to_datetime(column)
        if held in _TIMES:
            return pd.to_timedelta(column)
        return column.where(column.notna(), np.nan).astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.name!r} of X held numbers while fitting, got {held}. "
            "Give it the same kind of values."
        ) from error


def read_levels(column):
    """Return the codes of a column's levels and their names; code -1 is missing.

    Parameters
    ----------
    column : Series of length n_samples

    Returns
    -------
    codes : ndarray of shape (n_samples,)
    names : list of str
        1, 1.0 and "1" are one name, so that a level is known again when its column's type changed.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        try:
            codes, values = pd.factorize(column)
        except TypeError as error:  # unhashable: lists, dicts
            raise TypeError(_unreadable(column, error)) from error
    spelt = [_name(value) for value in values]
    names = sorted(set(spelt))
    position = {name: code for code, name in enumerate(names)}
    renamed = np.array([position[name] for name in spelt] + [-1])  # index -1: missing
    return renamed[codes], names


def _name(value):
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def match_levels(column, names):
    """Return each row's position in ``names``; -1 where its level is missing or not among them."""
    codes, present = read_levels(column)
    position = {name: code for code, name in enumerate(names)}
    known = np.array([position.get(name, -1) for name in present] + [-1])
    return known[codes]
