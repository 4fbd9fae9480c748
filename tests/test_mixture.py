"""Mixtures: sparse pooling, tables as they come, out-of-fold honesty."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.fitting import cross_fit
from moe_lab.folds import make_folds
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
    held_out = cross_fit([nearest], X, y, folds, task="regression")[:, 0, 0]
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
