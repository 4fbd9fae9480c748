"""One table in many forms: the same kinds, the same names, the same answers."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.inspection import retell, routing_importance, usage

rng = np.random.default_rng(0)
N = 120
FRAME = pd.DataFrame(
    {
        "a": rng.normal(size=N).round(3),
        "site": rng.choice(["north", "south"], N),
        "open": rng.random(N) > 0.5,
        "size": pd.Categorical(rng.choice(["lo", "hi"], N), ["lo", "mid", "hi"], ordered=True),
        "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D"),
    }
)
Y = np.where(FRAME["site"] == "north", FRAME["a"], -FRAME["a"]) + FRAME["open"]
RANKS = pl.Enum(["lo", "mid", "hi"])  # polars forgets the order of categories of pandas
FRAMES = {
    "polars": pl.from_pandas(FRAME).with_columns(pl.col("size").cast(RANKS)),
    "pyarrow": pa.Table.from_pandas(FRAME),
}
PLAIN = FRAME[["a", "site", "open"]]
ROWS = [list(row) for row in PLAIN.itertuples(index=False)]
FORMS = {
    "rows": ROWS,
    "tuples": [tuple(row) for row in ROWS],
    "objects": np.array(ROWS, dtype=object),
    "text": np.array(ROWS),
}
MIXTURES = {
    "out of fold": {"experts": ["linear", "extra_trees", "lightgbm"]},
    "em": {"experts": "linear", "n_experts": 2, "train": "em"},
    "boosting": {"experts": "lightgbm", "n_experts": 2, "train": "boosting"},
    "columns": {
        "experts": "linear",
        "n_experts": 2,
        "train": "em",
        "gate": ("tree", {"columns": ["site"]}),
    },
    "rules": {
        "experts": "linear",
        "train": "em",
        "divide": ("rules", {"rules": ["a < 0 and site == 'north'"]}),
    },
}


def mixture(name):
    return MoERegressor(**MIXTURES[name], random_state=0)


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.filterwarnings("ignore:.*experts lost all their rows")
def test_a_frame_of_any_library_is_a_frame(name, library):
    frame, expected = FRAMES[library], mixture(name).fit(FRAME, Y)
    moe = mixture(name).fit(frame, frame_of(library, Y))
    assert_array_equal(moe.feature_names_in_, FRAME.columns)
    assert_array_equal(moe.predict(frame), expected.predict(FRAME))
    assert_array_equal(expected.predict(frame), expected.predict(FRAME))
    pd.testing.assert_frame_equal(usage(moe, frame), usage(expected, FRAME))
    assert str(retell(moe, frame)) == str(retell(expected, FRAME))


def frame_of(library, y):
    return pl.Series(y) if library == "polars" else pa.chunked_array([y])


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_of_any_library_meets_the_same_errors(library):
    frame = FRAMES[library].select(["site", "a", "open", "size", "when"])
    moe = mixture("em").fit(FRAMES[library], Y)
    with pytest.raises(ValueError, match="feature names should match"):
        moe.predict(frame)
    with pytest.raises(ValueError, match="feature names"):
        moe.predict(frame.select(["a"]))


def test_weights_and_groups_come_from_any_library():
    weight, groups = rng.integers(0, 3, N).astype(float), np.arange(N) // 4
    expected = mixture("out of fold").fit(FRAME, Y, weight, groups)
    for of in (pl.Series, lambda values: pa.chunked_array([values])):
        moe = mixture("out of fold").fit(FRAME, Y, of(weight), of(groups))
        assert_array_equal(moe.predict(FRAME), expected.predict(FRAME))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["out of fold", "em", "boosting"])
def test_rows_in_any_form_are_read_as_the_frame(name, form):
    expected = mixture(name).fit(PLAIN, Y)
    moe = mixture(name).fit(FORMS[form], Y)
    assert moe.kinds_ == expected.kinds_
    assert_allclose(moe.predict(FORMS[form]), expected.predict(PLAIN))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        assert_array_equal(expected.predict(FORMS[form]), expected.predict(PLAIN))
        assert_array_equal(expected.predict(FORMS[form][:1]), expected.predict(PLAIN[:1]))


@pytest.mark.parametrize("form", FORMS)
def test_rules_read_rows_in_any_form(form):
    rules = ("rules", {"rules": ["x0 < 0 and x1 == 'north'"]})
    moe = MoERegressor("linear", train="em", divide=rules, random_state=0).fit(FORMS[form], Y)
    assert moe.n_experts_ == 2
    assert set(routing_importance(moe, FORMS[form]).index) == {"x0", "x1", "x2"}


@pytest.mark.parametrize("name", ["out of fold", "em", "boosting"])
@pytest.mark.parametrize("odd", ["?", "NA", "1,234"])
def test_one_odd_word_does_not_turn_numbers_into_categories(name, odd):
    values = FRAME["a"].astype(str)
    values[5] = odd
    X, y = PLAIN.assign(a=values), Y.mask(np.arange(N) == 5, 0.5)
    lost = "'\\?' became missing|'NA' became missing" if odd != "1,234" else "read as numbers"
    with pytest.warns(UserWarning, match=f"Column 'a'.*({lost})"):
        moe = mixture(name).fit(X, y)
    there = np.arange(N) != 5
    clean = mixture(name).fit(PLAIN[there], Y[there])
    assert moe.kinds_ == clean.kinds_
    if odd != "1,234":
        assert moe.score(X[there], Y[there]) > clean.score(PLAIN[there], Y[there]) - 0.1


CODES = (FRAME["a"] > 0).to_numpy(int)
LABELS = {
    "Int64": (pd.Series(CODES, dtype="Int64"), [0, 1]),
    "boolean": (pd.Series(CODES == 1, dtype="boolean"), [False, True]),
    "int64[pyarrow]": (pd.Series(CODES, dtype="int64[pyarrow]"), [0, 1]),
    "bool[pyarrow]": (pd.Series(CODES == 1, dtype="bool[pyarrow]"), [False, True]),
    "array": (pd.array(CODES, dtype="Int64"), [0, 1]),
    "index": (pd.Index(CODES, dtype="Int64"), [0, 1]),
    "polars": (pl.Series(CODES), [0, 1]),
    "polars, boolean": (pl.Series(CODES == 1), [False, True]),
    "pyarrow": (pa.chunked_array([CODES]), [0, 1]),
    "category": (pl.Series(np.array(["no", "yes"])[CODES], dtype=pl.Categorical), ["no", "yes"]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_come_back_as_they_were(name):
    y, classes = LABELS[name]
    moe = MoEClassifier("linear", 2, train="em", random_state=0).fit(PLAIN, y)
    assert repr(moe.classes_.tolist()) == repr(classes)
    assert repr(moe.predict(PLAIN[:9]).tolist()) == repr([classes[code] for code in CODES[:9]])
    assert moe.log_likelihood(PLAIN, y) < 0


def test_a_column_of_nullable_labels_comes_back_as_it_was():
    y = pd.DataFrame({"y": pd.array(CODES == 1, dtype="boolean")})
    with pytest.warns(UserWarning, match="column-vector y"):
        moe = MoEClassifier("linear", 2, train="em", random_state=0).fit(PLAIN, y)
    assert repr(moe.classes_.tolist()) == "[False, True]"


def test_missing_labels_of_nullable_types_are_refused():
    y = pd.Series([None, *[1] * (N - 1)], dtype="Int64")
    with pytest.raises(ValueError, match="got 1 missing values"):
        MoEClassifier("linear", 2).fit(PLAIN, y)
    with pytest.raises(ValueError, match="got 1 such values"):
        MoERegressor("linear", 2).fit(PLAIN, y)
