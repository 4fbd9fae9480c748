"""Numbers that were written as text."""

import re
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

# What people write where there is no value, in lower case; "" too.
_WORDS = (
    "? ?? - -- --- \u2013 \u2014 . .. ... * # na n/a n.a. n.a #n/a #na <na> nan -nan null (null) "
    "<null> none nil nat missing unknown #null! #value! #ref! #div/0! #num!"
)
NO_VALUE = frozenset(["", *_WORDS.split()])
_BOOLEANS = {"True": 1.0, "False": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.I)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII)
_CODE = re.compile(r"[+-]?0\d|\d{16}", re.ASCII)  # leading zeros; more digits than a float holds


def number_in(value: Any) -> float | None:
    """Return the number that a value is or spells, NaN where it stands for none; None: neither.

    Examples
    --------
    >>> [number_in(text) for text in ("1,234", " 12 %", "?", "12 m")]
    [1234.0, 12.0, nan, None]
    """
    if not isinstance(value, str):
        return float(value) if isinstance(value, Real | Decimal) else None
    text = value.strip()
    if text.lower() in NO_VALUE:
        return np.nan
    text = text.removesuffix("%").rstrip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    return float(text) if _NUMBER.fullmatch(text) else None


def is_code(value: Any) -> bool:
    """Say whether a value spells a number that names something: 007, or more digits than count."""
    return isinstance(value, str) and _CODE.match(value.strip()) is not None


def may_hold_text(column: pd.Series) -> bool:
    """Say whether a column is of strings, or of objects, which may be strings; categories are not.

    Examples
    --------
    >>> may_hold_text(pd.Series(["a"])), may_hold_text(pd.Series(["a"], dtype="category"))
    (True, False)
    """
    return types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype)


def hold_numbers(column: pd.Series) -> bool:
    """Say whether a column of text, or of text among numbers, holds numbers: all that it spells
    are, and there is one at least.

    Examples
    --------
    >>> hold_numbers(pd.Series(["1.5", "?"])), hold_numbers(pd.Series(["01", "02"]))
    (True, False)
    """
    any_number = False
    for value in _distinct(column):
        number = number_in(value)
        if number is None or is_code(value):
            return False
        any_number |= not np.isnan(number)
    return any_number


def numbers_of(column: pd.Series) -> np.ndarray:
    """Return the numbers that a column spells; missing is NaN, "True" and "False" are 1 and 0.

    Raises
    ------
    ValueError
        If something in it is no number.
    """
    codes, values = pd.factorize(column)
    numbers = [_BOOLEANS.get(value, number_in(value)) for value in values]
    if None in numbers:
        raise ValueError(repr(values[numbers.index(None)]))
    return np.array([*numbers, np.nan])[codes]


def words_for_none(column: pd.Series) -> list[str]:
    """Return the texts in a column that stand for no value."""
    return [
        value
        for value in _distinct(column)
        if isinstance(value, str) and value.strip().lower() in NO_VALUE
    ]


def no_numbers(column: pd.Series) -> list:
    """Return the texts in a column that keep it from being numbers."""
    return [value for value in _distinct(column) if number_in(value) is None or is_code(value)]


def _distinct(column):
    try:
        return pd.unique(column.dropna())
    except TypeError:  # unhashable: lists, dicts
        return [None]
