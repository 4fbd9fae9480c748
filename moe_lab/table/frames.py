"""Frames of other libraries (polars, pyarrow, modin, ...) as pandas holds them."""

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

_MISSING = np.iinfo(np.int64).min  # NaT, as an integer
_KNOWN = (np.ndarray, list, tuple, pd.DataFrame, pd.Series)  # what needs no translation


def as_pandas(data: Any) -> Any:
    """Return a frame or series of any library that narwhals knows as one of pandas; all else as it
    is.

    Names, types, categories and their order are kept. It goes column by column, so that a polars
    frame does not need pyarrow; a lazy frame is collected.

    Raises
    ------
    ValueError
        If two columns have one name.
    """
    if isinstance(data, _KNOWN):
        return data
    try:
        data = nw.from_native(data, pass_through=True, allow_series=True)
        data = data.collect() if isinstance(data, nw.LazyFrame) else data
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"X must have unique column names, got: {error}") from error
    if isinstance(data, nw.Series):
        return _column(data)
    if hasattr(data, "__arrow_c_stream__") and not isinstance(data, nw.DataFrame):
        data = nw.from_arrow(data, backend="pyarrow")  # record batches and the like
    if not isinstance(data, nw.DataFrame):
        return data
    if data.implementation.is_pandas_like():
        return data.to_pandas()
    return pd.DataFrame({column.name: _column(column) for column in data.iter_columns()})


def as_numpy_backed(column: pd.Series) -> pd.Series:
    """Return a pandas Series that is backed by Arrow as one that is not."""
    if not isinstance(column.dtype, pd.ArrowDtype):
        return column
    translated = as_pandas(column.array.__arrow_array__())
    return translated.set_axis(column.index).rename(column.name)


def _column(column):
    return pd.Series(_values(column), name=column.name or None)


def _values(column):
    dtype = column.dtype
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return _categories(column)
    if isinstance(dtype, nw.Datetime | nw.Duration):
        return _times(column, dtype)
    if dtype == nw.Date:
        return np.array(column.to_list(), dtype="datetime64[D]").astype("datetime64[s]")
    if isinstance(dtype, nw.Decimal):
        return column.cast(nw.Float64).to_numpy()
    if dtype.is_numeric() or (dtype == nw.Boolean and not column.is_null().any()):
        return column.to_numpy()
    if dtype == nw.Boolean:
        return pd.array(column.to_list(), dtype="boolean")
    if dtype == nw.String:
        return column.to_list()
    return pd.Series(column.to_list(), dtype=object)  # nothing but nulls, or no table's column


def _categories(column):
    names = column.cat.get_categories().to_list()
    native = column.to_native()
    ordered = isinstance(column.dtype, nw.Enum) or getattr(
        getattr(native, "type", None), "ordered", False
    )
    present = set(column.drop_nulls().unique().to_list())
    declared = ordered or not column.implementation.is_polars()  # polars lists those of all columns
    names = [name for name in names if declared or name in present]
    return pd.Categorical(column.to_list(), categories=names, ordered=ordered)


def _times(column, dtype):
    kind = "timedelta64" if isinstance(dtype, nw.Duration) else "datetime64"
    whole = column.cast(nw.Int64).fill_null(_MISSING).to_numpy()
    times = pd.Series(whole.astype(np.int64).view(f"{kind}[{dtype.time_unit}]"))
    zone = getattr(dtype, "time_zone", None)
    return times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone)
