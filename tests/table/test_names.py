"""Names of columns that are empty, numbers or tuples; the order of categories."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab import MoERegressor
from moe_lab.gate.gaussian import GaussianGate
from moe_lab.gate.tree import TreeGate
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
    steps = NumericTable(scale=False).fit(X)
    assert steps.get_feature_names_out().tolist() == ["size>=low", "size>=high"]
    assert_array_equal(steps.transform(X), [[1, 1], [1, 0], [0, 0]])
    assert_array_equal(steps.transform(new), [[1, 0], [0, 0]])  # like the level below; missing


def test_a_level_missing_for_the_first_time_is_the_middle_one():
    levels = ["low", "mid", "high"]
    X = pd.DataFrame({"size": pd.Categorical([*levels, "high"], levels, ordered=True)})
    table = NumericTable(scale=False).fit(X, sample_weight=[1, 2, 1, 0])
    assert table.get_feature_names_out().tolist() == ["size>=mid", "size>=high"]
    assert_array_equal(table.transform(X.iloc[:3]), [[0, 0], [1, 0], [1, 1]])
    assert_array_equal(table.transform(pd.DataFrame({"size": [None]})), [[1, 0]])


def test_an_ordered_category_keeps_its_most_frequent_steps():
    levels = [f"{k:02}" for k in range(60)]
    held = np.append(np.repeat(levels[::2], 3), levels[3])
    X = pd.DataFrame({"size": pd.Categorical(held, levels, ordered=True)})
    table = NumericTable(scale=False, max_levels=10).fit(X)
    Z = table.transform(X)
    assert Z.shape == (91, 9)
    assert Z[held == "18"].all()
    assert not Z[held == "00"].any()
    assert_array_equal(Z[held == levels[3]], Z[held == "02"][:1])


@pytest.mark.parametrize("expert", ["linear", "k_nearest", "linear_mixture"])
def test_an_expert_of_numbers_uses_the_order(expert):
    rng = np.random.default_rng(0)
    levels = [f"level {k}" for k in range(15)][::-1]  # not their alphabet
    codes = rng.integers(15, size=2300)
    X = pd.DataFrame({"size": np.array(levels)[codes]})
    y = (codes - 7.0) ** 2 / 8 + rng.standard_normal(2300)

    def rmse(order):
        size = pd.DataFrame({"size": pd.Categorical(X["size"], levels, ordered=order)})
        moe = MoERegressor(expert, 1, train="em", random_state=0).fit(size[:60], y[:60])
        return np.sqrt(np.mean((moe.predict(size[300:]) - y[300:]) ** 2))

    assert rmse(order=True) < rmse(order=False) - 0.01


def test_rules_and_coefficients_speak_of_the_order():
    levels = ["low", "mid", "high"]
    rng = np.random.default_rng(0)
    held = rng.choice(levels, 200)
    X = pd.DataFrame({"size": pd.Categorical(held, levels, ordered=True)})
    low = (held == "low").astype(float)
    gate = TreeGate(max_depth=1).fit(X, np.column_stack([low, 1 - low]))
    said = sorted(str(rule).split(":")[0] for rule in gate.rules())
    assert said == ["size < mid", "size >= mid"]
    X.loc[held == "mid", "size"] = None
    known = (held != "mid").astype(float)
    gate = TreeGate(max_depth=1).fit(X, np.column_stack([known, 1 - known]))
    said = sorted(str(rule).split(":")[0] for rule in gate.rules())
    assert said == ["size is missing", "size is not missing"]
    gate = TreeGate(max_depth=1).fit(X, np.eye(2)[(held == "high").astype(int)])
    assert "size < high or missing" in str(gate.rules())


def test_the_gaussian_gate_counts_ordered_levels_as_it_counts_others():
    rng = np.random.default_rng(0)
    levels = ["low", "mid", "high"]
    held, resp = rng.choice(levels, 90), rng.dirichlet([1, 1], 90)
    plain = pd.DataFrame({"size": pd.Categorical(held, sorted(levels))})
    ordered = pd.DataFrame({"size": pd.Categorical(held, levels, ordered=True)})
    weights = [GaussianGate().fit(X, resp).predict_proba(X) for X in (plain, ordered)]
    assert_allclose(*weights)


@pytest.mark.parametrize("expert", ["extra_trees", "lightgbm"])
def test_trees_place_a_level_that_they_have_not_seen(expert):
    levels = ["low", "mid", "high"]
    held = rng.choice(["low", "high"], 200)
    X = pd.DataFrame({"size": pd.Categorical(held, levels, ordered=True)})
    moe = MoERegressor(expert, 1, train="em", random_state=0).fit(X, (held == "high") * 1.0)
    mid = pd.DataFrame({"size": pd.Categorical(["mid"], levels, ordered=True)})
    assert -0.01 <= moe.predict(mid)[0] <= 1.01
    assert moe.predict(pd.DataFrame({"size": ["high"]}))[0] > 0.9
