"""Dates: days from the first of the fit, whatever holds them; the calendar for trees."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab import MoERegressor
from moe_lab.inspection import retell
from moe_lab.table import CategoryTable, NumericTable, Reading
from moe_lab.table.remarks import remark_on

DAYS = [datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 3)]
NAIVE = pd.Series(pd.to_datetime(DAYS))
BERLIN = NAIVE.dt.tz_localize("Europe/Berlin")
HELD = {
    "date objects": pd.Series(DAYS, dtype=object),
    "datetime objects": NAIVE.astype(object),
    "Timestamps and dates": pd.Series([pd.Timestamp("2020-01-01"), None, DAYS[2]], dtype=object),
    "nanoseconds": NAIVE.astype("datetime64[ns]"),
    "seconds": NAIVE.astype("datetime64[s]"),
    "date32": NAIVE.astype("date32[pyarrow]"),
    "arrow": NAIVE.astype("timestamp[us][pyarrow]"),
    "arrow with a zone": BERLIN.astype("timestamp[us, tz=Europe/Berlin][pyarrow]"),
    "zone": BERLIN,
    "objects with a zone": BERLIN.astype(object),
}


@pytest.mark.parametrize("name", HELD)
def test_dates_of_all_kinds_are_days_from_the_first(name):
    frame = pd.DataFrame({"when": HELD[name]})
    fitted = Reading(frame)
    assert_array_equal(fitted.numbers[:, 0], [0, np.nan, 2])
    later = Reading(frame + pd.Timedelta(1, "D") if name == "zone" else frame, fitted.kinds)
    assert_array_equal(later.numbers[:, 0], [0, np.nan, 2] + np.array(float(name == "zone")))


def test_arrays_of_dates_keep_what_is_missing():
    X = np.array([["2020-01-01", "2020-01-05"], ["NaT", "2020-01-01"]], dtype="datetime64[s]")
    assert_array_equal(Reading(X).numbers, [[0, 4], [np.nan, 0]])
    X = np.repeat(X, 20, axis=0)
    X[:, 1] += np.arange(40)
    y = X[:, 1].astype(float)
    assert MoERegressor("linear", 1, train="em").fit(X, y).score(X, y) > 0.999


@pytest.mark.parametrize("expert", ["linear", "extra_trees", "lightgbm", "xgboost", "mlp"])
def test_the_end_of_time_neither_crashes_nor_drowns_the_others(expert):
    rng = np.random.default_rng(0)
    days = rng.integers(0, 700, 200)
    X = pd.DataFrame({"end": pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D"))})
    X = X.astype(object).map(pd.Timestamp.date)
    moe = MoERegressor(expert, 1, train="em", random_state=0).fit(X, days / 100)
    open_end = pd.DataFrame({"end": [datetime.date(9999, 12, 31)]})
    assert abs(moe.predict(open_end)[0]) < 20
    X.iloc[::20] = datetime.date(9999, 12, 31)
    with pytest.warns(UserWarning, match="'end' of X holds 9999-12-31 in 10 rows"):
        moe = MoERegressor(expert, 1, train="em", random_state=0).fit(X, days / 100)
    there = np.arange(200) % 20 > 0
    assert moe.score(X[there], days[there] / 100) > 0.95


@pytest.mark.parametrize("expert", ["extra_trees", "xgboost", "mlp"])
def test_seconds_within_an_hour_are_told_apart(expert):
    seconds = np.random.default_rng(0).integers(0, 3600, 300)
    X = pd.DataFrame({"when": pd.Timestamp("2024-05-05") + pd.to_timedelta(seconds, "s")})
    y = np.sin(seconds / 150)
    assert MoERegressor(expert, 1, train="em", random_state=0).fit(X, y).score(X, y) > 0.97


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "2020-01-05",
            "'when' of X held dates while fitting, got text such as '2020-01-05'.*to_da",
        ),
        (1.6e9, "'when' of X held dates while fitting, got numbers such as 1600000000.0. Conv"),
        (pd.Timestamp("2020-01-05", tz="UTC"), "without a time zone while fitting, .* zone UTC"),
    ],
)
def test_what_is_no_date_when_predicting_is_refused(value, message):
    X = pd.DataFrame({"when": NAIVE.repeat(9), "z": 0.0})
    moe = MoERegressor("linear", 1, train="em").fit(X, np.arange(27.0))
    with pytest.raises(ValueError, match=message):
        moe.predict(pd.DataFrame({"when": [value], "z": 0.0}))
    assert np.isfinite(moe.predict(pd.DataFrame({"when": [None], "z": 0.0}))).all()


def test_a_date_is_no_number():
    kinds = Reading(pd.DataFrame({"a": [1.0]})).kinds
    later = Reading(pd.DataFrame({"a": NAIVE}), kinds)
    with pytest.raises(ValueError, match="'a' of X held numbers while fitting, got dates"):
        later.chosen_numbers(np.array([0]))


def test_another_time_zone_is_the_same_moment():
    fitted = Reading(pd.DataFrame({"when": BERLIN}))
    elsewhere = pd.DataFrame({"when": BERLIN.dt.tz_convert("Asia/Tokyo")})
    assert_array_equal(Reading(elsewhere, fitted.kinds).numbers, fitted.numbers)


@pytest.mark.parametrize(
    "other", [pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-01")]
)
def test_two_time_zones_in_a_column_are_refused(other):
    X = pd.DataFrame({"when": [pd.Timestamp("2020-01-01", tz="Europe/Berlin"), other] * 10})
    with pytest.raises(ValueError, match="'when' of X must have one time zone, got .*utc=True"):
        MoERegressor("linear", 1, train="em").fit(X, np.arange(20.0))


def test_trees_get_the_calendar_where_it_varies():
    when = pd.to_datetime(["2020-01-06 05:00", "2020-02-05 05:00", None])
    X = pd.DataFrame({"n": [1.0, 2.0, 3.0], "when": when, "site": ["a", "b", "a"]})
    table = NumericTable(scale=False, one_hot=False, calendar=True).fit(X)
    names = ["n", "when", "when weekday", "when month", "when missing", "site"]
    assert table.get_feature_names_out().tolist() == names
    assert_allclose(table.transform(X)[:2, 2:4], [[0, 1], [2, 2]])
    coded = CategoryTable().fit(X).coded(X)
    assert coded.names == ["n", "when", "site", "when_weekday", "when_month"]
    assert_array_equal(coded.matrix[:, 3:], [[0, 1], [2, 2], [np.nan, np.nan]])
    assert NumericTable().fit(X).get_feature_names_out().tolist()[:3] == [
        "n",
        "when",
        "when missing",
    ]


def test_the_calendar_is_that_of_the_time_zone_of_the_fit():
    late = pd.DataFrame(
        {"when": pd.to_datetime(["2020-01-05 23:30", "2020-03-01 00:00"], utc=True)}
    )
    table = CategoryTable().fit(late.assign(when=late["when"].dt.tz_convert("Europe/Berlin")))
    assert_array_equal(table.transform(late)[:, 1:], [[0, 1, 0], [6, 3, 1]])


@pytest.mark.parametrize("expert", ["extra_trees", "lightgbm", "xgboost", "catboost"])
def test_trees_find_what_recurs_by_weekday(expert):
    rng = np.random.default_rng(0)
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(700), "D")
    X, y = pd.DataFrame({"when": when}), np.sin(2 * when.day_of_week.to_numpy())
    moe = MoERegressor(expert, 1, train="em", random_state=0).fit(X[:500], y[:500])
    assert pickle.loads(pickle.dumps(moe)).score(X[500:], y[500:]) > 0.9


def test_rules_name_dates_as_people_write_them():
    days = np.arange(300)
    X = pd.DataFrame({"sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D")})
    y = np.abs(days - 100.0) + np.random.default_rng(0).normal(size=300)
    moe = MoERegressor("linear", 2, train="em", random_state=0).fit(X, y)
    assert str(retell(moe, X, max_depth=1)).startswith("sold <= 2020-04-")


def test_dates_without_an_open_end_need_no_remark():
    assert remark_on(NAIVE, Reading(NAIVE.to_frame()).kinds[0]) is None
