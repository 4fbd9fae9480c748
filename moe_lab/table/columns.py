"""Parsing one column: whether it holds numbers or levels, and which."""

from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd
from pandas.api import types

# What pandas.api.types.infer_dtype says of object columns that hold numbers or times.
_NUMBERS = {"floating", "integer", "mixed-integer-float", "decimal", "boolean"}
_DATES = {"datetime64", "datetime", "date"}
_TIMES = {"timedelta64", "timedelta"}
_NOT_A_TABLE = {"complex", "period", "interval", "time"}


def kind_of(column):
    """Say whether a column holds "numbers" or "levels" (text, categories); dates are numbers.

    An object column where nothing is known has levels, none of them seen.
    """
    return "levels" if _holds_levels(column) else "numbers"


def _holds_levels(column):
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
    """Return the codes of a column's levels, their names, and whether they were declared.

    Parameters
    ----------
    column : Series of length n_samples

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        -1 is missing.
    names : list of str
        1, 1.0 and "1" are one name, so that a level is known again when its column's type changed.
    declared : bool
        Whether the column's type lists its levels, those that no row has among them.
    """
    declared = isinstance(column.dtype, pd.CategoricalDtype)
    if declared:
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
    return renamed[codes], names, declared


def _name(value):
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
