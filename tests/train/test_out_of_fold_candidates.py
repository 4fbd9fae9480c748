"""Who takes part in a mixture trained out of fold: experts that fail or are late, odd targets."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts.base import experts
from moe_lab.experts.pools import Place
from moe_lab.testing import example_table, example_target
from moe_lab.train import OutOfFold

SMALL = ["linear", ("extra_trees", {"n_estimators": 20}), ("lightgbm", {"n_estimators": 20})]


TASKS = ["regression", "classification"]


def mixture(task, experts=SMALL, **settings):
    kind = MoERegressor if task == "regression" else MoEClassifier
    return kind(experts, random_state=0, **settings)


def smooth(n_samples=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=n_samples)


class Fails(RegressorMixin, BaseEstimator):
    """Fails where a fold leaves the first row out."""

    def fit(self, X, y, sample_weight=None):
        if np.asarray(X)[0, 0] != 7.0:
            raise RuntimeError("the first row is missing")
        return self

    def predict(self, X):
        return np.zeros(len(X))


def pool_of(monkeypatch, *names):
    monkeypatch.setattr("moe_lab.experts.pools.TABLE", [Place(name) for name in names])


def test_the_auto_pool_drops_what_does_not_pay(monkeypatch):
    pool_of(monkeypatch, "linear", "lightgbm", "noise")
    experts.register("noise", regressor=Noise)
    try:
        X, y = smooth()
        moe = MoERegressor(random_state=0).fit(X, y)
    finally:
        experts._entries.pop("noise")
    assert "Noise" not in moe.expert_names_
    assert moe.n_experts_ == len(moe.expert_names_) <= 2
    listed = MoERegressor(["linear", Noise()], random_state=0).fit(X, y)
    assert "Noise" in listed.expert_names_  # who was asked for by name stays


class Noise(RegressorMixin, BaseEstimator):
    def fit(self, X, y, sample_weight=None):
        return self

    def predict(self, X):
        return np.random.default_rng(len(X)).normal(0, 100, size=len(X))


def test_an_expert_of_the_auto_pool_that_fails_is_left_out_with_a_warning(monkeypatch):
    pool_of(monkeypatch, "linear", "lightgbm", "fails")
    experts.register("fails", regressor=Fails)
    X, y = smooth()
    X[0, 0] = 7.0
    try:
        with pytest.warns(ConvergenceWarning, match=r"Left out: Fails, which failed with Runtime"):
            moe = MoERegressor(random_state=0).fit(X, y)
    finally:
        experts._entries.pop("fails")
    assert "Fails" not in moe.expert_names_
    with pytest.raises(RuntimeError, match="first row is missing"):
        MoERegressor(["linear", Fails()]).fit(X, y)


def test_a_time_limit_leaves_out_who_would_be_late(monkeypatch):
    X, y = smooth(400)
    with pytest.warns(ConvergenceWarning, match=r"time_limit=0\.001 seconds"):
        moe = MoERegressor(SMALL, time_limit=1e-3, random_state=0).fit(X, y)
    assert moe.expert_names_[0] == "linear"  # the first is kept whatever the time
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        assert MoERegressor(SMALL, time_limit=600, random_state=0).fit(X, y).n_experts_ == 3
    with pytest.raises(ValueError, match="time_limit must be None for train='em'"):
        MoERegressor(SMALL, train="em", time_limit=5).fit(X, y)


@pytest.mark.parametrize("task", TASKS)
def test_fewer_rows_than_folds_take_fewer_folds_or_warn(task):
    X = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    y = np.array([0.0, 1.0, 2.0]) if task == "regression" else np.array(["a", "b", "c"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        moe = mixture(task, ["linear", "k_nearest"], train=OutOfFold(cv=5)).fit(X, y)
    in_sample = any("learnt in sample" in str(warning.message) for warning in caught)
    assert in_sample == (task == "classification")  # three rows of one class each have no two folds
    assert np.isfinite(moe.predict(X) if task == "regression" else moe.predict_proba(X)).all()


def test_a_class_with_one_row():
    X = example_table(90)
    y = example_target(X, "classification")
    y[0] = 7
    moe = mixture("classification").fit(X, y)
    proba = moe.predict_proba(X)
    assert proba.shape == (90, 4)
    assert np.isfinite(proba).all()
    assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("task", TASKS)
def test_constant_and_identical_experts_do_no_harm(task):
    from sklearn.dummy import DummyClassifier, DummyRegressor

    X = example_table(200)
    y = example_target(X, task)
    constant = DummyRegressor() if task == "regression" else DummyClassifier()
    alone = mixture(task, ["linear", ("linear", {"alpha": 1.0})]).fit(X, y)
    assert mixture(task, ["linear", constant]).fit(X, y).score(X, y) > 0.7
    assert alone.score(X, y) > 0.7
    assert np.isfinite(mixture(task, [constant, constant]).fit(X, y).score(X, y))


def test_three_hundred_classes():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(300), 4)
    X = np.column_stack([y, y % 7]) + 0.1 * rng.normal(size=(1200, 2))
    order = rng.permutation(1200)
    forest = ("extra_trees", {"n_estimators": 20})
    moe = MoEClassifier(["k_nearest", forest], random_state=0).fit(X[order], y[order])
    assert moe.score(X, y) > 0.8


def test_a_target_with_outliers_of_a_million_standard_deviations():
    X, y = smooth()
    y[[5, 150]] += [1e6, -1e6]
    moe = mixture("regression").fit(X, y)
    ordinary = np.abs(y) < 10
    assert np.isfinite(moe.predict(X)).all()
    assert np.isfinite(moe.score_samples(X, y)).all()
    assert np.median(np.abs(moe.predict(X)[ordinary] - y[ordinary])) < 1e5


def test_an_expert_that_predicts_nothing_finite_is_named():
    class Lost(Noise):
        def predict(self, X):
            return np.full(len(X), np.nan)

    with pytest.raises(ValueError, match="got NaN or infinity from Lost for 60 of 60 rows"):
        MoERegressor(["linear", Lost()]).fit(*smooth(60))
