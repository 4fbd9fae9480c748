"""Dates as numbers: days from the first date of the fit."""

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

OPEN = np.datetime64("9999-12-30", "us")  # from here on: "no end", in whatever time zone
DAY = 86_400_000_000  # microseconds, in which every date from the year 1 to 9999 can be told


@dataclass(frozen=True)
class Dates:
    """What a column of dates holds.

    Parameters
    ----------
    first : int
        The first of them, in microseconds since 1970.
    zone : str, optional
        Their time zone, in which the calendar is read; ``first`` is then in UTC. None: they have
        none.
    """

    first: int
    zone: str | None

    @classmethod
    def of(cls, column: pd.Series) -> "Dates":
        """Return the kind of a column of dates."""
        moments, zone = _moments(column)
        known = moments[~np.isnat(moments)]
        return cls(int(known.min().astype(np.int64)) if len(known) else 0, zone)

    def days(self, column: pd.Series) -> np.ndarray:
        """Return a column of dates in days from the first; missing is NaN, as is 9999-12-31."""
        moments, zone = _moments(column)
        if (zone is None) != (self.zone is None) and not np.isnat(moments).all():
            raise ValueError(
                f"Column {column.name!r} of X had dates {_in(self.zone)} while fitting, got dates "
                f"{_in(zone)}. Convert them with .dt.tz_localize or .dt.tz_convert."
            )
        since = (moments - np.datetime64(self.first, "us")).astype(np.int64) / DAY
        return np.where(np.isnat(moments), np.nan, since)

    def moments(self, days: np.ndarray) -> pd.DatetimeIndex:
        """Return the dates that so many days from the first are, in the time zone."""
        known = np.nan_to_num(days)
        whole = np.rint(known * DAY).astype(np.int64) + self.first
        moments = pd.DatetimeIndex(whole.view("datetime64[us]"))
        if self.zone is None:
            return moments
        return moments.tz_localize("UTC").tz_convert(self.zone)


def _in(zone):
    return "without a time zone" if zone is None else f"in the time zone {zone}"


def count_open(column: pd.Series) -> int:
    """Count the dates that stand for "no end", 9999-12-31."""
    return int(np.sum(_told(column)[0] >= OPEN))


def _moments(column):
    """Return dates as datetime64[us], in UTC where they have a time zone, and the zone; one that
    stands for "no end" is missing."""
    moments, zone = _told(column)
    return np.where(moments >= OPEN, np.datetime64("NaT", "us"), moments), zone


def _told(column):
    if not types.is_datetime64_any_dtype(column.dtype):
        return _of_objects(column)
    zone = getattr(column.dtype, "tz", None)
    naive = column if zone is None else column.dt.tz_convert(None)
    return naive.to_numpy("datetime64[us]"), None if zone is None else str(zone)


def _of_objects(column):
    known = column.notna().to_numpy()
    values = [_as_datetime(value) for value in column[known]]
    zones = sorted({_in(None if one.tzinfo is None else str(one.tzinfo)) for one in values})
    if len(zones) > 1:
        raise ValueError(
            f"Column {column.name!r} of X must have one time zone, got dates {' and '.join(zones)}."
            " Convert it with pd.to_datetime(..., utc=True)."
        )
    moments = np.full(len(column), np.datetime64("NaT", "us"))
    if not values:
        return moments, None
    zone = values[0].tzinfo
    if zone is not None:
        values = [one.astimezone(datetime.UTC).replace(tzinfo=None) for one in values]
    moments[known] = np.array(values, dtype="datetime64[us]")
    return moments, None if zone is None else str(zone)


def _as_datetime(value):
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    if isinstance(value, datetime.datetime):
        return value
    return datetime.datetime(value.year, value.month, value.day)
