"""Reading: a table is parsed once, whatever reads it, and its rows are cut without parsing."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.divide.base import Divider
from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.experts.spec import as_expert
from moe_lab.gate.base import Gate
from moe_lab.gate.softmax import SoftmaxGate
from moe_lab.registry import dividers, gates
from moe_lab.table import (
    CategoryTable,
    NumericTable,
    Reading,
    given_to,
    learn_table,
    rows_of,
    share_table,
)
from moe_lab.table import reading as module
from moe_lab.testing import example_table, example_target

QUICK = ["linear", ("lightgbm", {"n_estimators": 5}), ("extra_trees", {"n_estimators": 5})]


@pytest.fixture
def parsed(monkeypatch):
    """The names of the caller's columns that were parsed, in order."""
    names, parse = [], Reading._parse

    def counted(self, kinds):
        names.extend(name for name in self.names if name.startswith("my "))
        parse(self, kinds)

    monkeypatch.setattr(Reading, "_parse", counted)
    for function in ("read_levels", "read_numbers"):  # nobody else parses a column
        plain = getattr(module, function)
        monkeypatch.setattr(module, function, _once_within(plain, names))
    return names


def _once_within(plain, names):
    def counted(column):
        assert column.name in names
        return plain(column)

    return counted


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_default_fit_parses_each_column_once_and_so_does_a_predict_of_one_row(parsed, task):
    y = example_target(example_table(90), task)
    X = example_table(90).add_prefix("my ")
    kind = MoERegressor if task == "regression" else MoEClassifier
    moe = kind(QUICK, random_state=0).fit(X, y)  # with stackers, gate and density of the default
    assert sorted(parsed) == sorted(X.columns)
    parsed.clear()
    moe.predict(X.iloc[[3]])
    assert sorted(parsed) == sorted(X.columns)


TRAINED = {
    "em": ("linear", {"max_iter": 2, "n_init": 2}),
    "boosting": (("lightgbm", {"n_estimators": 5}), {}),
    "gradient": (("mlp", {"hidden": (4,)}), {"max_epochs": 1}),
}


@pytest.mark.parametrize("trainer", TRAINED)
def test_every_trainer_reads_the_table_once(parsed, trainer):
    expert, params = TRAINED[trainer]
    X = example_table(90).add_prefix("my ")
    moe = MoERegressor(expert, 2, train=(trainer, params), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        moe.fit(X, example_target(example_table(90), "regression"))
    assert sorted(parsed) == sorted(X.columns)
    parsed.clear()
    moe.predict(X.iloc[[3]])
    assert sorted(parsed) == sorted(X.columns)


class ReadsAgain(RegressorMixin, BaseEstimator):
    """An expert that reads the table a second time: the count must see it."""

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(NumericTable().fit(X).transform(X)), self.mean_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True  # it is given the table
        return tags


def test_a_planted_second_reading_is_counted(parsed):
    X = example_table(90).add_prefix("my ")
    moe = MoERegressor([*QUICK, ReadsAgain()], random_state=0)
    moe.fit(X, example_target(example_table(90), "regression"))
    parsed.clear()
    moe.predict(X.iloc[[3]])
    assert len(parsed) > X.shape[1]


def test_rows_cut_from_a_reading_are_those_of_the_table():
    X = example_table(40)
    rows = np.array([3, 1, 30])
    cut, anew = Reading(X).rows(rows), Reading(X.iloc[rows])
    pd.testing.assert_frame_equal(cut.table, X.iloc[rows])
    assert_array_equal(cut.numbers, anew.numbers)
    for table in (NumericTable(), NumericTable(one_hot=False)):
        assert_array_equal(table.fit(cut).transform(cut), table.fit(anew).transform(anew))
    pd.testing.assert_frame_equal(*(CategoryTable().fit(r).transform(r) for r in (cut, anew)))
    again = cut.rows(slice(1, 3))
    pd.testing.assert_frame_equal(again.table, X.iloc[rows[1:3]])
    assert_array_equal(again.numbers, cut.numbers[1:3])


def test_levels_of_a_part_are_its_own_unless_they_are_declared():
    X = pd.DataFrame({"text": ["b", "a", "c"], "declared": pd.Categorical(["b", "a", "c"])})
    part = Reading(X).rows([0, 2])
    codes, names = part.levels(0)
    assert names == ["b", "c"]
    assert_array_equal(codes, [0, 1])
    assert part.levels(1)[1] == ["a", "b", "c"]


def test_some_columns_of_a_reading_are_those_of_the_table():
    X = example_table(20)
    some = np.array([X.shape[1] - 1, 0])
    cut, anew = Reading(X).columns(some), Reading(X.iloc[:, some])
    assert cut.kinds == anew.kinds
    assert_array_equal(
        NumericTable().fit(cut).transform(cut), NumericTable().fit(anew).transform(anew)
    )


def test_kinds_are_decided_on_all_rows_of_the_fit():
    X = pd.DataFrame({"mixed": pd.Series([*range(30), *"ab" * 15], dtype=object)})
    y = np.arange(60.0)
    moe = MoERegressor(["linear", ("lightgbm", {"n_estimators": 2})], random_state=0).fit(X, y)
    assert moe.kinds_ == ("levels",)
    assert np.isfinite(moe.predict(pd.DataFrame({"mixed": [3.0]}))).all()


def test_a_column_that_nobody_reads_may_hold_anything():
    X = pd.DataFrame({"a": np.arange(20.0), "lists": [[1]] * 20})
    table = NumericTable(columns=["a"]).fit(X)
    assert table.transform(X).shape == (20, 1)
    with pytest.raises(TypeError, match="'lists'"):
        NumericTable(columns=["lists"]).fit(X).transform(X)


class TableGate(Gate):
    """A drop-in gate: it gets the table as it came."""

    def fit(self, X, responsibilities, sample_weight=None):
        assert isinstance(X, pd.DataFrame)
        self.n_experts_ = responsibilities.shape[1]
        return self

    def fit_pooled(self, X, predictions, y, loss, sample_weight=None):
        return self.fit(X, predictions[:, :, 0])

    def predict_proba(self, X):
        assert isinstance(X, pd.DataFrame)
        return np.full((len(X), self.n_experts_), 1 / self.n_experts_)


class OneColumn(SoftmaxGate):
    """A subclass of a built-in gate that looks into the table itself."""

    def learn_features(self, X, sample_weight=None):
        return super().learn_features(X[["x0"]], sample_weight)

    def features(self, X):
        return super().features(X[["x0"]])


class TableDivider(Divider):
    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        assert isinstance(X, pd.DataFrame)
        return np.eye(2)[(X["x0"] > 0).to_numpy().astype(int)]


class TableExpert(LinearRegression):
    def fit(self, X, y, sample_weight=None):
        assert isinstance(X, pd.DataFrame)
        return super().fit(X[["x0"]].fillna(0), y, sample_weight)

    def predict(self, X):
        assert isinstance(X, pd.DataFrame)
        return super().predict(X[["x0"]].fillna(0))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags


@pytest.mark.parametrize("gate", [TableGate(), OneColumn()])
@pytest.mark.parametrize("train", ["out_of_fold", ("em", {"max_iter": 2, "n_init": 1})])
def test_gates_dividers_and_experts_of_one_s_own_get_the_table(gate, train):
    X = example_table(60).fillna({"x0": 0.0})
    moe = MoERegressor([TableExpert(), "linear"], divide=TableDivider(), gate=gate, train=train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        moe.fit(X, example_target(X, "regression"))
    assert np.isfinite(moe.predict(X)).all()


@pytest.mark.parametrize("registry", [gates, dividers], ids=["gates", "dividers"])
def test_every_built_in_declares_that_it_takes_a_reading(registry):
    for name in registry.names():
        part = registry.create(name, **getattr(registry.get(name), "example_params", {}))
        X = Reading(example_table(6))
        assert given_to(part, X) is X


def test_an_array_goes_to_an_estimator_as_it_came():
    X = np.random.default_rng(0).normal(size=(20, 2))
    reading = Reading(X)
    assert reading.table is X
    assert given_to(LinearRegression(), reading) is X
    assert_array_equal(rows_of(reading, [1, 3]).table, X[[1, 3]])


def test_a_model_that_changes_its_matrix_leaves_the_reading_alone():
    X = Reading(np.arange(6.0).reshape(3, 2))
    _, matrix = learn_table(NumericTable(scale=False), X)
    matrix += 1
    assert_array_equal(X.numbers, np.arange(6.0).reshape(3, 2))


def test_what_is_shared_cannot_be_written_to():
    _, matrix = share_table(NumericTable(), Reading(np.arange(6.0).reshape(3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        matrix += 1


def test_tables_that_read_alike_are_made_once():
    X, weight = Reading(example_table(20)), np.ones(20)
    one, other = (share_table(NumericTable(columns=["x0"]), X, weight) for _ in range(2))
    assert one[1] is other[1]
    assert share_table(NumericTable(), X, weight)[1] is not one[1]
    assert share_table(NumericTable(columns=["x0"]), X, np.ones(20))[1] is not one[1]
    assert share_table(NumericTable(columns=["x0"]), X.rows(slice(0, 9)), weight)[1] is not one[1]


def test_an_expert_fitted_to_a_reading_answers_tables():
    X = example_table(40)
    y = example_target(X, "regression")
    built = as_expert("linear").build("regression")
    fitted = fit_expert(built, Reading(X), y, task="regression")
    assert_array_equal(predict_expert(fitted, X), predict_expert(fitted, Reading(X)))
