"""Mixtures: sparse pooling, tables as they come, out-of-fold honesty."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.table.data import TrainingData
from moe_lab.table.folds import make_folds
from moe_lab.testing import example_table, example_target


class CountsRows(RegressorMixin, BaseEstimator):
    """Predicts the mean, and counts the rows that it is asked for."""

    def fit(self, X, y, sample_weight=None):
        self.mean_, self.asked_ = np.mean(y), 0
        return self

    def predict(self, X):
        self.asked_ += len(X)
        return np.full(len(X), self.mean_)


@pytest.mark.parametrize(("pool", "share"), [("argmax", 1), (("top_k", {"k": 2}), 2)])
def test_an_expert_is_asked_only_for_the_rows_that_chose_it(pool, share):
    X = np.linspace(-1, 1, 90).reshape(-1, 1)
    moe = MoERegressor(CountsRows(), n_experts=3, divide="kmeans", pool=pool, random_state=0)
    moe.fit(X, X[:, 0])
    models = [expert.model_ for expert in moe.experts_]
    for model in models:
        model.asked_ = 0
    moe.predict(X)
    chosen = np.argsort(-moe.gate_weights(X), axis=1)[:, :share]
    expected = np.bincount(chosen.ravel(), minlength=3).tolist()
    assert [model.asked_ for model in models] == expected
    assert sum(expected) == 90 * share


def test_tables_labels_weights_and_groups_as_they_come():
    X = example_table()
    y = np.array(["low", "mid", "high"])[example_target(X, "classification")]
    moe = MoEClassifier(["linear", "extra_trees"], random_state=0)
    moe.fit(X, y, sample_weight=np.linspace(0, 1, len(X)), groups=np.arange(len(X)) // 4)
    assert set(moe.predict(X.iloc[:1])) <= set(y)
    assert moe.score(X, y) > 0.8


def test_the_density_integrates_to_one():
    X = example_table()
    moe = MoERegressor(["linear", LinearExpert(alpha=100.0)], random_state=0)
    moe.fit(X, example_target(X, "regression"))
    grid = np.linspace(-20, 20, 4001)
    density = np.exp(moe.score_samples(X.iloc[np.zeros(4001, dtype=int)], grid))
    assert abs(density.sum() * (grid[1] - grid[0]) - 1) < 1e-3


def test_out_of_fold_predictions_of_a_nearest_neighbour_are_imperfect():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 1)), rng.normal(size=60)
    nearest = KNeighborsRegressor(1)
    assert np.allclose(nearest.fit(X, y).predict(X), y)
    folds = make_folds(y, task="regression")
    held_out = cross_fit([nearest], TrainingData(X, y), folds)[:, 0, 0]
    assert np.mean((held_out - y) ** 2) > 0.5 * y.var()


def test_one_expert_equals_the_bare_expert():
    X = example_table()
    y = example_target(X, "regression")
    bare = LinearExpert().build("regression").fit(X, y)
    moe = MoERegressor(["linear"], random_state=0).fit(X, y)
    np.testing.assert_allclose(moe.predict(X), bare.predict(X))


def test_a_mixture_is_an_expert():
    X = example_table()
    inner = MoERegressor("linear", n_experts=2, train=("em", {"n_init": 1}))
    outer = MoERegressor([inner, "linear"], random_state=0).fit(X, example_target(X, "regression"))
    assert outer.score(X, example_target(X, "regression")) > 0.9


def test_wrong_kinds_and_columns_are_refused():
    X = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, 0, 1, 0]})
    with pytest.raises(TypeError, match="must be a regressor"):
        MoERegressor([LogisticRegression()]).fit(X, X["a"])
    moe = MoERegressor(["linear"]).fit(X, X["a"])
    with pytest.raises(ValueError, match="feature names"):
        moe.predict(X[["b", "a"]])


class Remembers(RegressorMixin, BaseEstimator):
    """Keeps the first column of the rows it was fitted to, for all of its kind."""

    parts: list = []

    def fit(self, X, y, sample_weight=None):
        self.parts.append(X[:, 0].tolist())
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_no_group_is_split_by_a_fold():
    groups = np.repeat(np.arange(12), 5)[np.random.default_rng(0).permutation(60)]
    Remembers.parts.clear()
    moe = MoERegressor([Remembers()], random_state=0)
    moe.fit(groups[:, None].astype(float), np.arange(60.0), groups=groups)
    parts = [part for part in Remembers.parts if len(part) < 60]
    assert len(parts) == 3
    for part in parts:
        counts = np.bincount(np.array(part, dtype=int), minlength=12)
        assert set(counts) == {0, 5}


def test_as_many_experts_as_rows():
    X = np.arange(6.0)[:, None]
    moe = MoERegressor("linear", n_experts=6, train="em", random_state=0).fit(X, X[:, 0])
    assert moe.gate_weights(X).shape == (6, moe.n_experts_)
    assert np.isfinite(moe.predict(X[:1])).all()


def test_a_class_missing_in_a_columns_part_is_predicted_where_it_occurs():
    X = pd.DataFrame({"site": np.repeat(["a", "b"], 60), "x": np.tile(np.linspace(-1, 1, 60), 2)})
    y = np.where(X["site"] == "a", np.where(X["x"] > 0, "up", "down"), "flat")
    knows = MoEClassifier("linear", divide=("column", {"column": "site"}), random_state=0).fit(X, y)
    assert knows.n_experts_ == 2
    assert knows.predict_proba(X).shape == (120, 3)
    np.testing.assert_allclose(knows.predict_proba(X).sum(axis=1), 1)
    assert knows.score(X, y) > 0.95


def test_cuda_without_a_device_is_refused(monkeypatch):
    monkeypatch.setattr("moe_lab.device.cuda_device_count", lambda: 0)
    with pytest.raises(ValueError, match="device='cuda'"):
        MoERegressor(["linear"], device="cuda").fit(np.eye(4), np.arange(4.0))
