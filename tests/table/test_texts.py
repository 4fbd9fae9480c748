"""Numbers written as text are numbers; codes, declared categories and other text are not."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from moe_lab.table import Reading
from moe_lab.table.remarks import remark_on


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.5", "-2", "3e2", " 4 ", "+.5"], [1.5, -2, 300, 4, 0.5]),
        (["1", "?", "NA", "-", "", "n/a", "None", None], [1] + [np.nan] * 7),
        (["1,234", "12,345,678", "1,234.5", "7"], [1234, 12345678, 1234.5, 7]),
        (["12 %", "5%", "0.5"], [12, 5, 0.5]),
        ([1.5, 2, "?", "1,000"], [1.5, 2, np.nan, 1000]),
    ],
)
def test_text_that_spells_numbers_is_numbers(texts, numbers):
    for dtype in (object, "str") if isinstance(texts[0], str) else (object,):
        reading = Reading(pd.DataFrame({"a": pd.Series(texts, dtype=dtype)}))
        assert reading.kinds == ("numbers",)
        assert_allclose(reading.numbers[:, 0], numbers)


@pytest.mark.parametrize(
    "texts",
    [
        ["01", "02", "13"],
        ["1", "007"],
        ["4111111111111111", "4222222222222222"],
        ["1,5", "2,5"],
        ["0,123", "1,234"],
        ["12,34"],
        ["1_000"],
        ["?", "-"],
        ["1", "a"],
        ["True", "False"],
        pd.Categorical(["1", "2"]),
    ],
)
def test_codes_categories_and_other_text_are_levels(texts):
    assert Reading(pd.DataFrame({"a": texts})).kinds == ("levels",)


def test_text_is_read_when_predicting_as_it_was_while_fitting():
    fitted = Reading(pd.DataFrame({"a": ["1", "?"], "b": [1.0, 2.0], "c": ["1.50", "x"]}))
    rows = pd.DataFrame({"a": [2.0], "b": ["1,000"], "c": ["1.50"]})
    later = Reading(rows, fitted.kinds)
    assert_allclose(later.numbers, [[2, 1000]])
    assert later.matched(2, fitted.levels(2)[1]) == 0
    as_text = Reading(np.array([["2.0", "1000", "1.50"]]), fitted.kinds)
    assert_allclose(as_text.numbers, [[2, 1000]])
    assert as_text.matched(2, fitted.levels(2)[1]) == 0
    with pytest.raises(ValueError, match="'a' of X held numbers while fitting, got string 'far'"):
        Reading(pd.DataFrame({"a": ["far"]}), ("numbers",)).chosen_numbers(np.array([0]))


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        (
            ["1", "?", "?", "-"],
            "numbers",
            r"'a' of X .* '\?', '-' became missing in 3",
        ),
        (["1,234", "2"], "numbers", "written as text; they are read as numbers. Convert"),
        ([f"id {j}" for j in range(200)], "levels", "200 different texts in 200 rows.*hardly"),
        ([*map(str, range(200)), "far"], "levels", "All but 'far' are numbers"),
    ],
)
def test_a_remark_says_how_text_was_read(column, kind, message):
    series = pd.Series(column, name="a")
    assert Reading(series.to_frame()).kinds == (kind,)
    assert pd.Series([remark_on(series, kind)]).str.contains(message).all()


@pytest.mark.parametrize(
    "column",
    [[1.0, 2.0], ["red", "blue"] * 100, ["007", "008"], [True, None], list("abcdefghij")],
)
def test_no_remark_where_nothing_is_odd(column):
    series = pd.Series(column, name="a")
    assert remark_on(series, *Reading(series.to_frame()).kinds) is None
