"""Frames of other libraries: names, types, categories and missing values are those of pandas."""

import datetime
import decimal
import subprocess
import sys

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from moe_lab.table import Reading
from moe_lab.table.frames import as_numpy_backed, as_pandas

COLUMNS = {
    "whole": [1, None, 3],
    "number": [1.5, None, float("nan")],
    "flag": [True, None, False],
    "text": ["x", None, "y"],
    "day": [datetime.date(2020, 1, 1), None, datetime.date(9999, 12, 31)],
    "moment": [datetime.datetime(2020, 1, 1, 5), None, datetime.datetime(9999, 12, 31)],
    "lasting": [datetime.timedelta(hours=1), None, datetime.timedelta(days=1)],
    "decimal": [decimal.Decimal("1.5"), None, decimal.Decimal("2.0")],
    "nothing": [None] * 3,
}
ZONE = "Europe/Berlin"
POLARS = pl.DataFrame(COLUMNS).with_columns(
    sort=pl.Series(["q", "p", None], dtype=pl.Categorical),
    rank=pl.Series(["lo", "hi", None], dtype=pl.Enum(["lo", "mid", "hi"])),
    zoned=pl.col("moment").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE),
)
ARROW = (
    pa.table(COLUMNS)
    .append_column("sort", pa.array(["q", "p", None]).dictionary_encode())
    .append_column(
        "rank", pa.DictionaryArray.from_arrays([0, 2, None], ["lo", "mid", "hi"], ordered=True)
    )
    .append_column("zoned", pa.array(COLUMNS["moment"], pa.timestamp("us", ZONE)))
)
moments = pd.Series(COLUMNS["moment"]).astype("datetime64[us]")
EXPECTED = pd.DataFrame(
    {
        "whole": [1.0, np.nan, 3.0],
        "number": [1.5, np.nan, np.nan],
        "flag": pd.array([True, None, False], dtype="boolean"),
        "text": COLUMNS["text"],
        "day": pd.Series(COLUMNS["day"], dtype=object).to_numpy("datetime64[s]"),
        "moment": moments,
        "lasting": pd.Series(COLUMNS["lasting"]).astype("timedelta64[us]"),
        "decimal": [1.5, np.nan, 2.0],
        "nothing": pd.Series([None] * 3, dtype=object),
        "sort": pd.Categorical(["q", "p", None], ["q", "p"]),
        "rank": pd.Categorical(["lo", "hi", None], ["lo", "mid", "hi"], ordered=True),
        "zoned": moments.dt.tz_localize("UTC").dt.tz_convert(ZONE),
    }
)
FRAMES = {
    "polars": POLARS,
    "polars, lazy": POLARS.lazy(),
    "pyarrow": ARROW,
    "pyarrow, a batch": ARROW.combine_chunks().to_batches()[0],
    "narwhals": nw.from_native(POLARS),
}


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_becomes_the_same_pandas_frame(name):
    pd.testing.assert_frame_equal(as_pandas(FRAMES[name]), EXPECTED)


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_is_read_as_its_pandas_copy(name):
    ours, copy = Reading(FRAMES[name]), Reading(EXPECTED)
    assert ours.kinds == copy.kinds
    assert ours.names == list(EXPECTED)
    assert_array_equal(ours.numbers, copy.numbers)
    assert_array_equal(ours.codes, copy.codes)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_columns_backed_by_arrow_are_read_as_others(name):
    backed = ARROW.to_pandas(types_mapper=pd.ArrowDtype)[[name]]
    pd.testing.assert_series_equal(as_numpy_backed(backed[name]), EXPECTED[name])
    assert Reading(backed).kinds == Reading(EXPECTED[[name]]).kinds
    assert_array_equal(Reading(backed).numbers, Reading(EXPECTED[[name]]).numbers)


@pytest.mark.parametrize("series", [POLARS["rank"], ARROW["rank"]])
def test_series_become_series(series):
    pd.testing.assert_series_equal(as_pandas(series), EXPECTED["rank"], check_names=False)


def test_columns_of_one_name_are_refused():
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ValueError, match="X must have unique column names"):
        as_pandas(twice)


def test_what_is_no_frame_stays_as_it_is():
    for thing in ([[1, 2]], np.ones(3), None, "a"):
        assert as_pandas(thing) is thing


def test_a_polars_frame_needs_no_pyarrow():
    program = """
import sys
sys.modules["pyarrow"] = None
import datetime
import polars as pl
from moe_lab.table import Reading
day = datetime.date(2020, 1, 1)
frame = pl.DataFrame({"a": [1, None], "g": ["x", None], "b": [True, None], "when": [day, None]})
frame = frame.with_columns(e=pl.Series(["lo", None], dtype=pl.Enum(["lo", "hi"])))
print(Reading(frame).numbers.tolist(), Reading(frame).codes.tolist())
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout == "[[1.0, 1.0, 0.0], [nan, nan, nan]] [[0, 0], [-1, -1]]\n", said.stderr
