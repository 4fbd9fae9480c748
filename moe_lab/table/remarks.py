"""What a user should be told of how a column was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.table.columns import NUMBERS
from moe_lab.table.dates import Dates, count_open
from moe_lab.table.frames import as_numpy_backed
from moe_lab.table.texts import may_hold_text, no_numbers, words_for_none

if TYPE_CHECKING:
    import pandas as pd

MANY, NEARLY_ALL = 100, 0.8  # texts; of the rows that hold one


def remark_on(column: pd.Series, kind: str | Dates) -> str | None:
    """Return a sentence about a column of the training rows where one is due, else None.

    Parameters
    ----------
    column : Series of length n_samples
    kind : "numbers", "levels" or Dates
        As what it was read.
    """
    column = as_numpy_backed(column)
    if isinstance(kind, Dates):
        return _on_dates(column)
    if not may_hold_text(column):
        return None
    return _on_numbers(column) if kind == NUMBERS else _on_levels(column)


def _on_dates(column):
    n_open = count_open(column)
    if not n_open:
        return None
    return (
        f"Column {column.name!r} of X holds 9999-12-31 in {n_open} rows, which is read as missing: "
        "no end."
    )


def _on_numbers(column):
    if not any(isinstance(value, str) for value in column):
        return None
    words = words_for_none(column)
    n_missing = int(column.isin(words).sum())
    lost = f" {_listed(words)} became missing in {n_missing} rows." if words else ""
    return (
        f"Column {column.name!r} of X holds numbers written as text; they are read as numbers."
        f"{lost} Convert the column to numbers, or, if they name something, to a category."
    )


def _on_levels(column):
    n_known = int(column.notna().sum())
    n_texts = column.astype(str)[column.notna()].nunique()
    if n_texts < MANY or n_texts < NEARLY_ALL * n_known:
        return None
    others = no_numbers(column)
    numbers = ""
    if len(others) < 0.5 * n_texts:
        numbers = f" All but {_listed(others)} are numbers: make the column numbers."
    return (
        f"Column {column.name!r} of X holds {n_texts} different texts in {n_known} rows, from "
        f"which hardly anything can be learned.{numbers} Convert dates with pd.to_datetime; drop "
        "names and identifiers."
    )


def _listed(values, most=3):
    shown = ", ".join(repr(value) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"
