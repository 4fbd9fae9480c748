"""Rules and columns as regions: the first rule that holds decides; mistakes are named."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from moe_lab.table.rules import column_levels, rule_regions

PEOPLE = pd.DataFrame(
    {
        "age": [20.0, 40.0, np.nan, 70.0],
        "my name": ["ann", "bob", None, "ann"],
        "group": pd.Categorical(["a", "b", None, "a"]),
        "member": pd.array([True, None, False, True], dtype="boolean"),
    }
)


@pytest.mark.parametrize(
    ("rules", "regions"),
    [
        (["age < 30", "age < 50"], [0, 1, 2, 2]),
        (["age < 50", "age < 30"], [0, 0, 2, 2]),
        (["age < 30 and group == 'a'", "`my name` == 'ann'"], [0, 2, 2, 1]),
        (["group in ['b', 'never']", "member"], [1, 0, 2, 1]),
        (["group == 'never'"], [1, 1, 1, 1]),
        (["True"], [0, 0, 0, 0]),
    ],
)
def test_the_first_rule_that_holds_decides(rules, regions):
    assert_array_equal(rule_regions(PEOPLE, rules), regions)
    assert_array_equal(rule_regions(PEOPLE.iloc[[3]], rules), regions[3:])


def test_rules_heed_rows_not_their_labels():
    shuffled = PEOPLE.set_axis([7, 7, 1, 0])
    assert_array_equal(rule_regions(shuffled, ["age < 30"]), [0, 1, 1, 1])


def test_columns_of_an_array_are_numbered():
    X = np.array([[0.0, 1.0], [5.0, 1.0]])
    assert_array_equal(rule_regions(X, ["x0 > x1"]), [1, 0])
    assert_array_equal(column_levels(X, 0)[0], column_levels(X, "x0")[0])


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        (["agee < 3"], ValueError, "Unknown column 'agee'. Did you mean 'age'\\? Columns: age, gr"),
        (["age <"], ValueError, "'age <' must be a pandas expression.*SyntaxError.*Columns: age"),
        (["age"], ValueError, "'age' must be true or false for a row, got float64"),
        (["3"], ValueError, "must be true or false"),
        (["age < 'x'"], ValueError, "got TypeError"),
        ("age < 3", TypeError, "rules must be a list"),
        ([3], TypeError, "rules must be a list"),
        ([], ValueError, "one expression at least"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(rules, error, message):
    with pytest.raises(error, match=message):
        rule_regions(PEOPLE, rules)


def test_missing_values_are_the_last_level():
    codes, names = column_levels(PEOPLE, "my name")
    assert names == ["ann", "bob", "missing"]
    assert_array_equal(codes, [0, 1, 2, 0])


@pytest.mark.parametrize("column", ["grup", 2, None])
def test_an_unknown_column_is_an_error(column):
    with pytest.raises(ValueError, match=f"Unknown column {column!r}.*Columns: age, my name"):
        column_levels(PEOPLE, column)
