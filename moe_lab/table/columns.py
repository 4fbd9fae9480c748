"""Parsing one column: whether it holds numbers or levels, and which."""

import datetime
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from moe_lab.table.dates import Dates
from moe_lab.table.frames import as_numpy_backed
from moe_lab.table.texts import hold_numbers, numbers_of

NUMBERS, LEVELS = "numbers", "levels"

# What pandas.api.types.infer_dtype says of object columns that hold numbers or times.
NUMBER_OBJECTS = {"floating", "integer", "mixed-integer-float", "decimal", "boolean"}
_DATES = {"datetime64", "datetime", "date"}
_TIMES = {"timedelta64", "timedelta"}
_NOT_A_TABLE = {"complex", "period", "interval", "time"}


def kind_of(column: pd.Series) -> str | Dates:
    """Say what a column holds: "numbers", "levels" (text, categories) or `Dates`.

    Text that spells numbers is numbers. An object column where nothing is known has levels, none
    of them seen.
    """
    column = as_numpy_backed(column)
    held = _held(column)
    if held == "dates":
        return Dates.of(column)
    if held in ("numbers", "durations") or (held == "text" and hold_numbers(column)):
        return NUMBERS
    return LEVELS


def _held(column):
    """Return "numbers", "dates", "durations", "categories", "text" or "nothing"."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "categories"
    if dtype.kind == "c" or isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        raise TypeError(_unreadable(column, dtype))
    if types.is_numeric_dtype(dtype):
        return "numbers"
    if types.is_datetime64_any_dtype(dtype):
        return "dates"
    return "durations" if dtype.kind == "m" else _held_by_objects(column)


def _held_by_objects(column):
    held = types.infer_dtype(column, skipna=True)
    if held in _NOT_A_TABLE:
        raise TypeError(_unreadable(column, held))
    if held in ("mixed", "mixed-integer"):  # such as a Decimal among integers, or 1 among "a"
        known = column.dropna()
        if all(isinstance(value, Real | Decimal) for value in known):
            return "numbers"
        of_time = datetime.date | np.datetime64
        return "dates" if all(isinstance(value, of_time) for value in known) else "text"
    if held in NUMBER_OBJECTS:
        return "numbers"
    if held in _DATES:
        return "dates"
    if held in _TIMES:
        return "durations"
    return "nothing" if held == "empty" else "text"


def _unreadable(column, held):
    return (
        f"Column {column.name!r} of X holds {held}: each argument must be a string, a number, "
        "a date or missing. Convert the column, or drop it."
    )


def read_numbers(column: pd.Series, kind: Any = NUMBERS) -> np.ndarray:
    """Return a column as floats: missing is NaN, booleans are 0 and 1, durations are in seconds,
    dates are in days from the first of the fit.

    Parameters
    ----------
    column : Series of length n_samples
    kind : "numbers" or Dates
        What it held while fitting.
    """
    dtype = column.dtype
    dates = isinstance(kind, Dates)
    if dtype.kind in "fiub" and isinstance(dtype, np.dtype) and not dates:
        return column.to_numpy(dtype=float)
    column = as_numpy_backed(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    held = _held(column)
    if held == "nothing" or (dates and column.isna().all()):
        return np.full(len(column), np.nan)
    if dates != (held == "dates"):
        raise ValueError(_changed(column, held, "dates" if dates else NUMBERS))
    return kind.days(column) if dates else _as_numbers(column, held)


def _as_numbers(column, held):
    if held == "text":
        try:
            return numbers_of(column)
        except (TypeError, ValueError) as error:
            raise ValueError(_changed(column, f"string {error}", NUMBERS)) from error
    if held == "durations":
        column = pd.to_timedelta(column)
        return column.dt.total_seconds().to_numpy(dtype=float, na_value=np.nan)
    if column.dtype.kind == "O":
        column = column.where(column.notna(), np.nan).astype(float)
    return column.to_numpy(dtype=float, na_value=np.nan)


def _changed(column, held, before):
    way_out = "Give it the same kind of values."
    if before == "dates":
        first = column.dropna().iloc[0]
        first = first.item() if isinstance(first, np.generic) else first
        held = f"{held} such as {first!r}"
        way_out = "Convert it with pd.to_datetime."
    return f"Column {column.name!r} of X held {before} while fitting, got {held}. {way_out}"


def read_levels(column: pd.Series) -> tuple[np.ndarray, list[str], bool, bool]:
    """Return the codes of a column's levels, their names, and whether they were declared, and
    ordered.

    Parameters
    ----------
    column : Series of length n_samples

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        -1 is missing.
    names : list of str
        1, 1.0 and "1" are one name, so that a level is known again when its column's type changed.
        Sorted; ordered categories are in their own order.
    declared : bool
        Whether the column's type lists its levels, those that no row has among them.
    ordered : bool
        Whether it also says their order.
    """
    column = as_numpy_backed(column)
    declared = isinstance(column.dtype, pd.CategoricalDtype)
    if declared:
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        try:
            codes, values = pd.factorize(column)
        except TypeError as error:  # unhashable: lists, dicts
            held = sorted({type(value).__name__ for value in column.dropna()})
            raise TypeError(_unreadable(column, " and ".join(held))) from error
    spelt = [_name(value) for value in values]
    ordered = declared and column.cat.ordered
    names = list(dict.fromkeys(spelt)) if ordered else sorted(set(spelt))
    position = {name: code for code, name in enumerate(names)}
    renamed = np.array([position[name] for name in spelt] + [-1])  # index -1: missing
    return renamed[codes], names, declared, ordered


def _name(value):
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
