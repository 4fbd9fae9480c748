"""Tables: every kind of column, statistics from weights alone, levels that keep their meaning."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from moe_lab.table import CategoryTable, NumericTable, Prepared

FOUR = {
    "number": [1.0, 2.0, np.nan, 4.0],
    "nullable": pd.array([1, None, 2, 3], dtype="Int64"),
    "boolean": pd.array([True, None, False, True], dtype="boolean"),
    "flag": [True, False, True, True],
    "date": pd.to_datetime(["2020-01-01", "2020-01-02", None, "2021-01-01"]),
    "zoned": pd.to_datetime(["2020-01-01"] * 4, utc=True).tz_convert("Europe/Berlin"),
    "duration": pd.to_timedelta([1, 2, None, 4], unit="h"),
    "day": pd.Series([datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 3), None]),
    "decimal": pd.Series([decimal.Decimal("1.5"), None, decimal.Decimal(2), 1], dtype=object),
    "empty": pd.Series([None] * 4, dtype=object),
    "nothing": [np.nan] * 4,
    "text": ["x", "y", None, "x"],
    "category": pd.Categorical([1, 2, 1, None]),
    "mixed": pd.Series([1, "a", 2.0, None], dtype=object),
    "extension": pd.array(["q", pd.NA, "r", "q"], dtype="string"),
}
WITH_LEVELS = ["text", "category", "mixed", "extension"]


@pytest.fixture
def four():
    return pd.DataFrame(FOUR)


@pytest.mark.parametrize("scale", [True, False])
def test_numeric_table_is_finite_whatever_the_columns_hold(four, scale):
    matrix = NumericTable(scale=scale).fit_transform(four)
    assert matrix.dtype == float
    assert np.isfinite(matrix).all()
    steady = four.drop(columns="mixed")  # its first row holds a number, like a column of numbers
    assert np.isfinite(NumericTable(scale=scale).fit(steady[:1]).transform(steady)).all()


def test_dates_are_days_from_the_first_and_durations_seconds(four):
    table = NumericTable(scale=False)
    matrix = pd.DataFrame(table.fit_transform(four), columns=table.get_feature_names_out())
    assert_allclose(matrix["date"][[0, 1, 3]], [0, 1, 366])
    assert_allclose(matrix["day"][[0, 2]], [0, 2])
    assert matrix["duration"][0] == pytest.approx(3600)


def test_missing_numbers_become_the_median_and_are_flagged():
    X = np.array([[1.0], [2.0], [9.0], [np.nan]])
    assert_allclose(NumericTable(scale=False).fit_transform(X), [[1, 0], [2, 0], [9, 0], [2, 1]])


def test_a_number_missing_only_when_predicting_becomes_the_mean():
    table = NumericTable(scale=False).fit(np.array([[1.0], [2.0], [9.0]]))
    assert_allclose(table.transform(np.array([[np.nan]])), [[4.0]])


def test_numeric_table_scales_like_standard_scaler():
    X = np.random.default_rng(0).lognormal(size=(50, 3)) * [1e-6, 1, 1e9] + [0, 0, 1e12]
    weight = np.random.default_rng(1).random(50)
    expected = StandardScaler().fit(X, sample_weight=weight).transform(X)
    assert_allclose(NumericTable().fit(X, sample_weight=weight).transform(X), expected, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e15, 1e-300])
def test_a_constant_column_has_scale_one(value):
    table = NumericTable().fit(np.full((7, 1), value), sample_weight=np.arange(7) / 3)
    assert table.scale_ == 1
    assert_allclose(table.transform(np.full((2, 1), value)), 0, atol=abs(value) * 1e-14)


def test_weights_count_as_repeated_rows_and_weight_zero_as_none():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 3)), columns=list("abc"))
    X["levels"] = rng.choice(list("pqrst"), 40)
    weight = rng.integers(0, 4, 40)
    weighted = NumericTable(max_levels=3).fit(X, sample_weight=weight)
    repeated = NumericTable(max_levels=3).fit(X.loc[X.index.repeat(weight)])
    assert_array_equal(weighted.get_feature_names_out(), repeated.get_feature_names_out())
    assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-12, atol=1e-12)


def test_medians_count_weights_too():
    X = np.array([[1.0], [2.0], [9.0], [np.nan]])
    table = NumericTable().fit(X, sample_weight=[1, 1, 5, 1])
    assert_allclose(table.fill_, [9.0])


def test_the_most_frequent_levels_get_a_column_and_unknown_ones_none():
    X = pd.DataFrame({"c": ["a", "b", "b", "c", "c", "c"]})
    table = NumericTable(max_levels=2).fit(X)
    assert table.get_feature_names_out().tolist() == ["c=b", "c=c"]
    new = pd.DataFrame({"c": ["a", "never", None, "c"]})
    assert_array_equal(table.transform(new), [[0, 0], [0, 0], [0, 0], [0, 1]])


def test_level_numbers_keep_their_meaning_and_unknown_levels_are_minus_one():
    table = NumericTable(scale=False, one_hot=False).fit(pd.DataFrame({"c": ["b", "a", "c"]}))
    assert_array_equal(table.transform(pd.DataFrame({"c": ["c", "new", None]})), [[2], [-1], [-1]])


def test_an_object_array_is_read_like_a_table():
    X = np.array([["a", 1.5, True], ["b", 2, None], [None, None, False]], dtype=object)
    frame = pd.DataFrame({"x0": ["a", "b", None], "x1": [1.5, 2, None], "x2": [1, None, 0]})
    assert_allclose(NumericTable().fit_transform(X), NumericTable().fit_transform(frame))


def test_numbers_that_numpy_turned_into_text_are_numbers():
    assert_allclose(
        NumericTable(scale=False).fit_transform(np.array([["a", 1.5], ["b", 2.0]])),
        [[1.5, 1, 0], [2.0, 0, 1]],
    )


def test_a_table_of_numbers_equals_its_array():
    X = np.random.default_rng(0).normal(size=(20, 3))
    table = NumericTable().fit(pd.DataFrame(X))
    assert_allclose(table.transform(pd.DataFrame(X)), NumericTable().fit_transform(X), rtol=1e-12)


def test_transform_leaves_its_input_alone(four):
    X, before = np.array([[1.0, np.nan], [2.0, 3.0]]), four.copy()
    NumericTable().fit_transform(X)
    NumericTable().fit_transform(four)
    CategoryTable().fit_transform(four)
    assert_array_equal(X, [[1.0, np.nan], [2.0, 3.0]])
    pd.testing.assert_frame_equal(four, before)


def test_category_table_keeps_the_levels_of_the_fit(four):
    table = CategoryTable().fit(four)
    first, all_rows = table.transform(four.iloc[:1]), table.transform(four)
    assert all_rows.select_dtypes("category").columns.tolist() == WITH_LEVELS
    assert_array_equal(first.dtypes, all_rows.dtypes)
    assert table.transform(four.assign(text="never seen"))["text"].isna().all()


def test_a_level_is_known_again_when_its_column_changes_type():
    table = CategoryTable().fit(pd.DataFrame({"c": pd.Categorical([1, 2])}))
    levels = table.transform(pd.DataFrame({"c": [2.0, np.nan]}))["c"]
    assert levels[0] == "2"
    assert pd.isna(levels[1])


def test_category_table_passes_arrays_of_numbers_through():
    X = np.array([[1.0, np.nan], [2.0, 3.0]])
    assert CategoryTable().fit(X).transform(X) is X


def test_category_table_names_columns_as_boosters_accept_them():
    X = pd.DataFrame([["a", 1, 2]], columns=["[odd] <name>", "a b", "a_b"])
    assert CategoryTable().fit(X).transform(X).columns.tolist() == ["_odd_name_", "a_b_1", "a_b_2"]


@pytest.mark.parametrize("table", [NumericTable(), CategoryTable(), NumericTable(one_hot=False)])
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (sparse.eye(3).tocsr(), TypeError, "must be dense, got a sparse matrix"),
        (np.ones(3), ValueError, r"X\.reshape\(-1, 1\)"),
        (np.ones((2, 2)) * 1j, TypeError, "holds complex"),
        (
            np.array([[1.0], [{"foo": "bar"}]], dtype=object),
            TypeError,
            "argument must be .* string",
        ),
        (pd.DataFrame({"when": pd.period_range("2020", periods=2)}), TypeError, "Column 'when'"),
    ],
)
def test_what_is_not_a_table_is_refused(table, X, error, message):
    with pytest.raises(error, match=message):
        table.fit(X)


def test_infinity_is_refused_with_the_column_named():
    X = pd.DataFrame({"good": [1.0, 2.0], "bad": [np.inf, 1.0], "text": ["a", "b"]})
    with pytest.raises(ValueError, match="infinity in 'bad'"):
        NumericTable().fit(X)
    with pytest.raises(ValueError, match="infinity in 'x1'"):
        NumericTable().fit(np.array([[1.0, -np.inf]]))


def test_large_finite_numbers_are_not_taken_for_infinity():
    X = np.array([[1e308, 1.0]] * 3)
    assert_array_equal(NumericTable(scale=False).fit_transform(X), X)


def test_columns_must_be_those_of_the_fit():
    table = NumericTable().fit(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    with pytest.raises(ValueError, match="feature names"):
        table.transform(pd.DataFrame({"a": [1.0], "c": [2.0]}))
    with pytest.raises(ValueError, match="'a' of X held numbers while fitting, got string"):
        NumericTable().fit(pd.DataFrame({"a": [1.0]})).transform(pd.DataFrame({"a": ["text"]}))


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(ValueError, match="must be positive for one row"):
        NumericTable().fit(np.ones((2, 1)), sample_weight=[0, 0])


def test_chosen_columns_are_read_and_the_others_left_out():
    X = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"], "c": [5.0, 7.0]})
    table = NumericTable(scale=False, columns=["c", "b"]).fit(X)
    assert table.get_feature_names_out().tolist() == ["c", "b=x", "b=y"]
    assert_array_equal(table.transform(X[:1]), [[5, 1, 0]])
    assert table.feature_names_in_.tolist() == ["a", "b", "c"]
    assert CategoryTable(columns=["b", "a"]).fit(X).transform(X[1:]).columns.tolist() == ["a", "b"]


@pytest.mark.parametrize("table", [NumericTable(scale=False), CategoryTable()])
def test_columns_of_an_array_are_chosen_by_number(table):
    X = np.arange(6.0).reshape(2, 3)
    table.set_params(columns=[2, "x0"]).fit(X)
    assert_array_equal(table.transform(X[1:]), [[3, 5]])
    assert_array_equal(table.transform(X.tolist()), X[:, [0, 2]])
    assert table.n_features_in_ == 3


@pytest.mark.parametrize("table", [NumericTable(), CategoryTable()])
@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (["aeg"], ValueError, "Unknown column 'aeg'. Did you mean 'age'\\? Columns: age, size"),
        ([1], ValueError, "Unknown column 1. Columns: age, size"),
        ("age", TypeError, "columns must be a list .*Write columns=\\['age'\\]"),
        ([], ValueError, "columns must hold one column at least"),
    ],
)
def test_columns_that_cannot_be_chosen_are_named(table, columns, error, message):
    with pytest.raises(error, match=message):
        table.set_params(columns=columns).fit(pd.DataFrame({"age": [1.0], "size": [2.0]}))


class Powerful(LogisticRegression):
    """A classifier with the optional powers of an expert."""

    parametric = True
    n_parameters_ = 3

    def log_prob(self, X, y):
        return self.predict_log_proba(X)[np.arange(len(y)), y]


def test_prepared_shows_the_powers_of_its_model(four):
    y = np.array([0, 1, 0, 1])
    fitted = Prepared(NumericTable(), Powerful()).fit(four, y)
    assert is_classifier(fitted)
    assert fitted.parametric
    assert fitted.n_parameters_ == 3
    assert_array_equal(fitted.classes_, [0, 1])
    assert_allclose(np.exp(fitted.log_prob(four, y)), fitted.predict_proba(four)[range(4), y])
    plain = Prepared(NumericTable(), LinearRegression())
    for power in ("predict_proba", "log_prob", "classes_", "scale_", "n_parameters_"):
        assert not hasattr(plain, power)
        assert not hasattr(plain.fit(four, y), power)
    assert not plain.parametric


def test_prepared_hands_weights_to_table_and_model():
    X, y = np.array([[0.0], [1.0], [5.0]]), np.array([0.0, 1.0, 9.0])
    weighted = Prepared(NumericTable(), LinearRegression()).fit(X, y, sample_weight=[1, 1, 0])
    assert_allclose(weighted.table_.mean_, [0.5])
    assert_allclose(weighted.predict([[2.0]]), [2.0])


def test_prepared_refuses_weights_that_its_model_cannot_take():
    with pytest.raises(TypeError, match="does not take it"):
        Prepared(NumericTable(), KNeighborsRegressor()).fit(np.eye(2), [1, 2], sample_weight=[1, 2])


def test_prepared_of_fitted_predicts_like_the_whole(four):
    y = np.arange(4.0)
    whole = Prepared(NumericTable(), LinearRegression()).fit(four, y)
    joined = Prepared.of_fitted(whole.table_, whole.model_)
    assert_array_equal(joined.predict(four), whole.predict(four))
