"""A model that was saved and loaded says what it said; the laws hold it for every plugin."""

import datetime
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import moe_lab
from moe_lab import MoEClassifier, MoERegressor
from moe_lab.saving import save
from moe_lab.table import NumericTable
from moe_lab.testing import example_table, example_target
from moe_lab.testing.saving import assert_same, loaded_again

VALUES = [
    *(None, True, 3, 10**30, 0.1, -0.0, float("-inf"), "naïve\n", b"\x00\xff"),
    *([], [1, [2.0, None]], (1, "two"), {1, 2}, frozenset("a"), range(1, 9, 2), slice(1, None)),
    *({"a": 1, 2: (3,)}, OrderedDict(b=1, a=2), {("a", 1): {}}),
    *(np.float64(0.1), np.float32(0.1), np.int8(-3), np.True_, np.str_("x"), np.float64("inf")),
    *(np.datetime64("2026-11-29T08:00"), np.timedelta64(3, "D"), np.complex128(1 + 2j)),
    *(datetime.date(2026, 11, 29), datetime.datetime(2026, 11, 29, 8), datetime.timedelta(3, 4)),
    *(pd.Timestamp("2026-11-29 08:00:00.123456789"), pd.Timestamp("2026-11-29", tz="Asia/Tokyo")),
    *(pd.Timedelta("1D 3ns"), np.float64, float, Path("deep") / "file"),
]
ARRAYS = [
    np.arange(6.0).reshape(2, 3)[:, ::-1],
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.array(["a", "longer"]),
    np.array(["NaT", "2026-11-29"], "datetime64[D]"),
    np.array([["a", None], [1.5, True]], dtype=object),
    np.array([(1, 0.5)], dtype=[("n", "i4"), ("x", "f8")]),
    np.array(3.5),
    np.empty((0, 2), dtype=object),
]
FRAMES = [
    pd.DataFrame({"a": [1.5, np.nan], "b": ["x", None], "c": pd.Categorical(["u", "v"])}),
    pd.DataFrame({"a": pd.to_datetime(["2026-11-29", None], utc=True)}, index=["r", "s"]),
    pd.DataFrame({0: pd.array([1, None], "Int64"), 1: pd.array([True, None], "boolean")}),
    pd.DataFrame({"a": [1, 2]}, index=pd.DatetimeIndex(["2026-11-29", "2026-11-30"], name="d")),
    pd.DataFrame(),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_with_its_type(value):
    again = loaded_again(value)
    assert type(again) is type(value)
    assert repr(again) == repr(value)  # -0.0, the dtype and the time zone, too


@pytest.mark.parametrize("value", [pd.NA, pd.NaT], ids=repr)
def test_a_missing_value_stays_itself(value):
    assert loaded_again([value])[0] is value


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_an_array_comes_back(array):
    again = loaded_again(array)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert_array_equal(again, array)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_comes_back(frame):
    pd.testing.assert_frame_equal(loaded_again(frame), frame, check_freq=False)
    for name in frame:
        pd.testing.assert_series_equal(loaded_again(frame[name]), frame[name], check_freq=False)


def test_a_mapped_array_as_workers_leave_them_comes_back_as_an_array(tmp_path):
    mapped = np.memmap(tmp_path / "file", float, "w+", shape=(3, 2))
    mapped[:] = 1.5
    again = loaded_again(mapped)
    assert type(again) is np.ndarray
    assert_array_equal(again, mapped)


def test_a_random_state_goes_on_where_it_was():
    random_state = np.random.RandomState(3)
    random_state.normal(size=5)
    assert_array_equal(loaded_again(random_state).normal(size=4), random_state.normal(size=4))


def test_what_two_parts_share_stays_shared_and_what_is_alike_stays_apart():
    one, alike = np.zeros(2), np.zeros(2)
    first, second, third = loaded_again([one, one, alike])
    assert first is second
    assert first is not third


def mixed(n_samples=90):
    """Return a table with every kind of column, and a target."""
    X = example_table(n_samples)
    X["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n_samples), "D")
    X["zoned"] = X["day"].dt.tz_localize("Europe/Berlin")
    X["flag"] = np.arange(n_samples) % 2 == 0
    X["text"] = [f"{number:,}" for number in range(1000, 1000 + n_samples)]
    return X, example_target(X, "regression")


@pytest.mark.filterwarnings("ignore:.*text:UserWarning")
def test_a_mixture_of_a_mixed_table_and_named_classes_comes_back():
    X, y = mixed()
    labels = np.where(y > 0, "yes", "no")
    named = {"a": "linear", "b": ("xgboost", {"n_estimators": 3})}
    moe = MoEClassifier(named, gate="softmax", random_state=0)
    moe.fit(X, labels)
    again = loaded_again(moe)
    assert_same(moe.predict_proba(X), again.predict_proba(X))
    assert_array_equal(moe.predict(X), again.predict(X))
    assert again.get_params()["b__n_estimators"] == 3
    assert again.expert_names_ == ["a", "b"]
    assert_same(again.fit(X, labels).predict_proba(X), moe.predict_proba(X))  # and can be fitted


@pytest.mark.filterwarnings("ignore:.*text:UserWarning")
@pytest.mark.filterwarnings("ignore:EM stopped")
def test_a_nested_mixture_by_em_comes_back_with_its_distribution():
    X, y = mixed()
    inner = MoERegressor("linear", n_experts=2, train=("em", {"n_init": 1, "max_iter": 5}))
    outer = ("em", {"n_init": 1, "max_iter": 2, "tol": 1.0})
    moe = MoERegressor([inner, "linear"], divide="kmeans", train=outer, random_state=0).fit(X, y)
    again = loaded_again(moe)
    assert_same(moe.predict_distribution(X).std, again.predict_distribution(X).std)
    assert_same(moe.responsibilities(X, y), again.responsibilities(X, y))


def light():
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=4, verbose=-1)


def boosted():
    from xgboost import XGBRegressor

    return XGBRegressor(n_estimators=4)


def cat():
    from catboost import CatBoostRegressor

    return CatBoostRegressor(iterations=4, verbose=False, allow_writing_files=False)


def plain():
    X = example_table(60)[["x0", "x1"]].fillna(0.0)
    return X, example_target(example_table(60), "regression")


WITH_OTHERS = {  # what holds something that skops does not know
    "table": lambda: make_pipeline(NumericTable(), Ridge()),
    "columns": lambda: make_pipeline(make_column_transformer((StandardScaler(), ["x0"])), light()),
    "stack": lambda: StackingRegressor([("a", light()), ("b", Ridge())], boosted(), cv=2),
    "selected": lambda: make_pipeline(SelectFromModel(light()), StandardScaler(), boosted()),
    "frozen": lambda: FrozenEstimator(light().fit(*plain())),
    "histogram": lambda: make_pipeline(
        FunctionTransformer(np.tanh), HistGradientBoostingRegressor(max_iter=3)
    ),
}


@pytest.mark.parametrize("make", [light, boosted, cat, *WITH_OTHERS.values()])
def test_an_estimator_of_other_libraries_comes_back(make):
    X, y = plain()
    fitted = make().fit(X, y)
    for model in (make(), fitted):
        params = (sorted(one.get_params().items()) for one in (model, loaded_again(model)))
        assert len(set(map(repr, params))) == 1
    assert_same(fitted.predict(X), loaded_again(fitted).predict(X))


def test_a_baseline_is_saved_by_its_own_method(tmp_path):
    from moe_lab.registry import methods

    X, y = plain()
    model = methods.create("average", experts=["linear"]).build("regression")
    model.fit(X, y)
    model.save(tmp_path / "model")
    assert_same(model.predict(X), moe_lab.load(tmp_path / "model").predict(X))


def test_a_mixture_that_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        MoERegressor().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_mixture_can_be_saved_alone(tmp_path):
    X, y = plain()
    moe = MoERegressor(["linear"], gate="constant").fit(X, y)
    save(moe.experts_[0], tmp_path / "expert")
    assert_same(moe.experts_[0].predict(X), moe_lab.load(tmp_path / "expert").predict(X))


def test_a_mixture_of_a_table_with_columns_of_every_kind_says_what_it_said(tmp_path):
    n = np.arange(60)
    table = pd.DataFrame(
        {
            "number": np.where(n % 7, np.sin(n), np.nan),
            "whole": n % 5,
            "flag": n % 2 == 0,
            "text": np.array(["red", "blue", "green"])[n % 3],
            "level": pd.Categorical(np.array(["u", "v"])[n % 2]),
            "size": pd.Categorical.from_codes(n % 3, ["low", "mid", "high"], ordered=True),
            "day": pd.Timestamp("2026-11-29") + pd.to_timedelta(n * 9, "h"),
        }
    )
    parts = ["linear", "lightgbm", "extra_trees", "k_nearest"]
    moe = MoERegressor(parts, random_state=0).fit(table, np.cos(n) + n % 3)
    moe.save(tmp_path / "model")
    assert_array_equal(moe_lab.load(tmp_path / "model").predict(table), moe.predict(table))
