"""The calendar of dates, in which trees find what recurs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from moe_lab.table.dates import Dates

if TYPE_CHECKING:
    from moe_lab.table.reading import Reading

PARTS = {"weekday": "day_of_week", "month": "month", "hour": "hour"}  # as pandas says it


class Calendar:
    """Weekday (Monday is 0), month and hour of every column of dates, where they vary.

    Parameters
    ----------
    X : Reading
        The training rows.
    columns : int ndarray
        Positions of the columns to read.

    Attributes
    ----------
    names : list of str
        Of its columns, such as "sold weekday".
    """

    def __init__(self, X: Reading, columns: Iterable[int]):
        dates = [int(j) for j in columns if isinstance(X.kinds[j], Dates)]
        self._varying = {j: _varying(_parts(X, j)) for j in dates}  # position in X -> which parts
        self.names = [
            f"{X.names[j]} {list(PARTS)[k]}" for j, which in self._varying.items() for k in which
        ]

    def beside(self, numbers: np.ndarray, X: Reading) -> np.ndarray:
        """Return numbers with the calendar's columns after them; missing is NaN."""
        if not self.names:
            return numbers
        parts = [_parts(X, j)[:, which] for j, which in self._varying.items() if which]
        return np.hstack([numbers, *parts])


def _varying(parts):
    return [k for k, part in enumerate(parts.T) if len(np.unique(part[~np.isnan(part)])) > 1]


def _parts(X, j):
    days = X.chosen_numbers(np.array([j]))[:, 0]
    moments = X.kinds[j].moments(days)
    parts = np.column_stack([getattr(moments, part) for part in PARTS.values()]).astype(float)
    parts[np.isnan(days)] = np.nan
    return parts
