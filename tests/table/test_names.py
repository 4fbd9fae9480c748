"""Names of columns that are empty, numbers or tuples; the order of categories."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from moe_lab import MoERegressor
from moe_lab.inspection import retell, routing_importance
from moe_lab.table import CategoryTable, NumericTable

rng = np.random.default_rng(0)
A = rng.normal(size=(150, 2))
Y = np.abs(A[:, 0]) + A[:, 1] + rng.normal(0, 0.1, 150)


@pytest.mark.parametrize("names", [[7, 3], [0, 1], [("size", "max"), ("size", "min")]])
def test_names_that_are_no_strings_are_kept(names):
    X = pd.DataFrame(A, columns=pd.Index(names))
    moe = MoERegressor("linear", 2, train="em", random_state=0).fit(X, Y)
    assert str(retell(moe, X, max_depth=1)).startswith(f"{names[0]} <= ")
    assert routing_importance(moe, X, Y).index.tolist() == names
    with pytest.raises(ValueError, match="feature names should match"):
        moe.predict(X[X.columns[::-1]])
    assert_array_equal(moe.predict(A), moe.predict(X))


@pytest.mark.filterwarnings("error:X has feature names")
def test_the_columns_of_rows_are_numbered():
    rows = [[a, "up" if b > 0 else "down"] for a, b in A]
    moe = MoERegressor("linear", 2, train="em", random_state=0).fit(rows, Y)
    assert routing_importance(moe, rows).index.tolist() == ["x0", "x1"]


@pytest.mark.parametrize("expert", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.parametrize("names", [["", "a"], ["%", "?"], ["a b", "a_b"]])
def test_boosters_take_any_name(expert, names):
    X = pd.DataFrame({names[0]: np.where(A[:, 0] > 0, "u", "v"), names[1]: A[:, 1]})
    moe = MoERegressor(expert, 1, train="em", random_state=0).fit(X, Y)
    assert moe.score(X, Y) > 0.5


@pytest.mark.parametrize(
    "names", [["a b", "a_b", "a_b_1"], ["", "_", "_1"], ["a", "a_1", "a!", "a?"]]
)
def test_names_for_boosters_are_unique(names):
    table = CategoryTable().fit(pd.DataFrame([range(len(names))], columns=names))
    assert len(set(table.names_)) == len(names)
    assert all(table.names_)


def test_ordered_categories_are_used_in_their_order():
    levels = ["low", "mid", "high"]
    X = pd.DataFrame({"size": pd.Categorical(["high", "low", None], levels, ordered=True)})
    assert_array_equal(CategoryTable().fit(X).transform(X), [[2], [0], [np.nan]])
    table = NumericTable(scale=False, one_hot=False).fit(X)
    assert_array_equal(table.transform(X), [[2], [0], [-1]])
    new = pd.DataFrame({"size": ["mid", "vast"]})  # a level that no row had, and one not declared
    assert_array_equal(table.transform(new), [[1], [-1]])
    assert NumericTable().fit(X).get_feature_names_out().tolist() == ["size=low", "size=high"]


@pytest.mark.parametrize("expert", ["extra_trees", "lightgbm"])
def test_trees_place_a_level_that_they_have_not_seen(expert):
    levels = ["low", "mid", "high"]
    held = rng.choice(["low", "high"], 200)
    X = pd.DataFrame({"size": pd.Categorical(held, levels, ordered=True)})
    moe = MoERegressor(expert, 1, train="em", random_state=0).fit(X, (held == "high") * 1.0)
    mid = pd.DataFrame({"size": pd.Categorical(["mid"], levels, ordered=True)})
    assert -0.01 <= moe.predict(mid)[0] <= 1.01
    assert moe.predict(pd.DataFrame({"size": ["high"]}))[0] > 0.9
