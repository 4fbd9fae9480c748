"""Experts by name, and scikit-learn's other habits: nested parameters, transform, log proba."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.inspection import usage
from moe_lab.methods import AverageRegressor
from moe_lab.mixture.names import expert_names

TREES = ("extra_trees", {"n_estimators": 10})


def table(n_samples=120):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(-1, 1, (n_samples, 2)), columns=["a", "b"])
    return X, np.abs(X["a"].to_numpy()) + X["b"].to_numpy() + 0.05 * rng.normal(size=n_samples)


def named(kind=MoERegressor, **experts):
    return kind(experts or {"trees": TREES, "lines": "linear"}, random_state=0)


def test_names_are_used_wherever_an_expert_is_called():
    X, y = table()
    moe = named().fit(X, y)
    names = ["trees", "lines"]
    assert moe.expert_names_ == expert_names(moe) == names
    assert usage(moe, X).index.tolist()[:2] == ["trees", "lines"]
    assert {"trees", "lines"} <= set("+".join(moe.fit_report_["name"]).split("+"))
    listed = MoERegressor([TREES, "linear"], random_state=0).fit(X, y)
    assert_allclose(moe.predict(X), listed.predict(X))


def test_one_expert_goes_by_its_name():
    X, y = table()
    em = MoERegressor({"line": "linear"}, train="em", random_state=0).fit(X, y)
    assert expert_names(em) == ["line"]


@pytest.mark.parametrize(
    ("expert", "parameter", "value"),
    [
        (TREES, "n_estimators", 20),
        ("extra_trees", "n_estimators", 20),
        (ExtraTreesRegressor(10), "n_estimators", 20),
        (LinearExpert(), "alpha", 0.5),
        (make_pipeline(Ridge()), "ridge__alpha", 0.5),
    ],
    ids=["pair", "name", "estimator", "expert", "pipeline"],
)
def test_parameters_within_are_read_and_set_and_the_callers_object_stays(expert, parameter, value):
    moe = named(one=expert, other="linear")
    params = moe.get_params()
    before, key = params[f"one__{parameter}"], f"one__{parameter}"
    assert params["one"] is expert
    assert before != value
    again = clone(moe).set_params(**{key: value})
    assert again.get_params()[key] == value
    assert moe.set_params(**{key: value}).get_params()[key] == value
    assert named(one=expert).get_params()[key] == before
    assert key not in moe.get_params(deep=False)


def test_a_parameter_that_is_none_is_an_error():
    for expert in (TREES, ExtraTreesRegressor()):
        with pytest.raises((TypeError, ValueError), match="wrong"):
            named(trees=expert).set_params(trees__wrong=3)
    with pytest.raises(ValueError, match="Invalid parameter 'bushes'"):
        named().set_params(bushes__depth=3)


def test_drop_leaves_an_expert_out_and_another_takes_its_place():
    X, y = table()
    without = named(trees=TREES, lines="linear", more="k_nearest").set_params(more="drop")
    assert_allclose(without.fit(X, y).predict(X), named().fit(X, y).predict(X))
    assert "more" not in without.expert_names_
    assert "more" in without.get_params()
    other = named().set_params(trees=LinearRegression())
    assert isinstance(other.get_params()["trees"], LinearRegression)
    average = AverageRegressor({"trees": "drop", "lines": "linear"}).fit(X, y)
    assert average.expert_predictions(X).shape == (120, 1, 1)


def test_a_grid_search_reaches_into_experts():
    X, y = table()
    grid = {"lines__alpha": [0.1, 1e6], "trees": ["drop"], "train__cv": [2]}
    moe = named().set_params(train=MoERegressor().train)
    del grid["train__cv"]
    search = GridSearchCV(moe, grid, cv=2).fit(X, y)
    assert search.best_params_ == {"lines__alpha": 0.1, "trees": "drop"}
    assert search.best_estimator_.expert_names_[0] == "lines"


@pytest.mark.parametrize(
    ("experts", "message"),
    [
        ({"a__b": "linear"}, "experts must be named by words without '__' .* got 'a__b'"),
        ({"gate": "linear"}, "no parameters of the mixture, got 'gate'"),
        ({1: "linear"}, "got 1"),
        ({"a": "drop"}, "experts must hold at least one expert"),
        ({}, "experts must hold at least one expert"),
    ],
    ids=str,
)
def test_names_that_cannot_be_are_said(experts, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        MoERegressor(experts).fit(X, y)


def test_transform_says_what_every_expert_says():
    X, y = table()
    moe = named().fit(X, y)
    said = moe.expert_predictions(X)
    assert_allclose(moe.transform(X), said[:, :, 0])
    assert moe.get_feature_names_out().tolist()[:2] == ["moeregressor_trees", "moeregressor_lines"]
    frame = moe.set_output(transform="pandas").transform(X)
    assert frame.columns.tolist() == moe.get_feature_names_out().tolist()
    labels = np.where(y > 0.5, "high", "low")
    moe = named(MoEClassifier).fit(X, labels)
    assert_allclose(moe.transform(X), moe.expert_predictions(X).reshape(120, -1))
    assert moe.get_feature_names_out()[:2].tolist() == [
        "moeclassifier_trees_high",
        "moeclassifier_trees_low",
    ]
    assert make_pipeline(named(), Ridge()).fit(X, y).score(X, y) > 0.8


def test_predict_log_proba_is_its_log():
    X, y = table()
    moe = named(MoEClassifier).fit(X, y > 0.5)
    assert_allclose(np.exp(moe.predict_log_proba(X)), moe.predict_proba(X))


def test_named_columns_in_another_order_stay_an_error():
    X, y = table()
    with pytest.raises(ValueError, match="same order"):
        named().fit(X, y).predict(X[["b", "a"]])
