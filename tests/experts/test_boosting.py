"""Boosters: early stopping with a refit, one binning for all folds, counted fits."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin

from moe_lab.experts.boosting import boosted as _boosting
from moe_lab.experts.cross_fitting import CrossFitted, cross_fit, refit
from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.registry import experts
from moe_lab.table.data import TrainingData
from moe_lab.table.folds import make_folds
from moe_lab.testing import example_table, example_target

BOOSTERS = ["lightgbm", "xgboost", "catboost"]
N_CLASSES = 3


def built(name, task, **params):
    n_classes = None if task == "regression" else N_CLASSES
    small = {"n_estimators": 20} | params
    return experts.create(name, **small).build(task, n_classes=n_classes, random_state=0)


def few_levels(n_samples=240):
    """A table in which every part of the rows has the same bins."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 5, size=(n_samples, 4)).astype(float)).add_prefix("x")
    X["group"] = pd.Categorical(rng.choice(["a", "b", "c"], n_samples))
    score = X["x0"] - X["x1"] + (X["group"] == "b") + rng.normal(size=n_samples)
    return X, score.to_numpy()


def target(score, task):
    return score if task == "regression" else np.digitize(score, [-1, 1.5])


def plain(model, X, y, folds, weight, task):
    """What fits fold by fold predict, and then a fit to all rows."""
    n_classes = None if task == "regression" else N_CLASSES
    out_of_fold = np.empty((len(y), n_classes or 1))
    for train, test in folds:
        fitted = fit_expert(model, X.iloc[train], y[train], weight[train], task=task)
        out_of_fold[test] = predict_expert(fitted, X.iloc[test], n_classes=n_classes)
    fitted = fit_expert(model, X, y, weight, task=task)
    return out_of_fold, predict_expert(fitted, X, n_classes=n_classes)


def own(model, X, y, folds, weight, task, copy=lambda one: one):
    n_classes = None if task == "regression" else N_CLASSES
    data = TrainingData(X, y, weight, task=task, n_classes=n_classes)
    out_of_fold, (to_refit,) = cross_fit([model], data, folds, keep=True)
    assert isinstance(to_refit, CrossFitted)
    fitted = refit(copy(to_refit), data)
    return out_of_fold[:, 0], predict_expert(fitted, X, n_classes=n_classes)


def cut(weight):
    """Half of the rows of negligible weight."""
    return np.where(np.arange(len(weight)) % 2, weight, 1e-9)


@pytest.mark.parametrize("weights", ["equal", "uneven", "negligible"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_shared_bins_predict_what_plain_fits_do(task, weights):
    X, score = few_levels()
    y, folds = target(score, task), make_folds(target(score, task), task=task)
    weight = np.ones(240) if weights == "equal" else np.random.default_rng(1).uniform(0.5, 1, 240)
    weight = cut(weight) if weights == "negligible" else weight
    model = built("lightgbm", task)
    for shared, alone in zip(
        own(model, X, y, folds, weight, task), plain(model, X, y, folds, weight, task), strict=True
    ):
        assert_allclose(shared, alone, atol=1e-12)


def test_a_cross_fitted_booster_can_be_pickled_and_then_refitted():
    X, y = few_levels()
    folds = make_folds(y, task="regression")
    stopping = built("lightgbm", "regression", early_stopping_rounds=5, n_estimators=80)
    arguments = (stopping, X, y, folds, np.ones(240), "regression")
    _, here = own(*arguments)
    _, there = own(*arguments, copy=lambda one: pickle.loads(pickle.dumps(one)))
    assert_allclose(here, there, rtol=1e-12)


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_fold_of_one_class_or_of_one_row_gets_a_constant(name):
    X = example_table(90)
    y = np.repeat([0, 1, 2], 30)
    folds = [(np.arange(30), np.arange(30, 90)), (np.arange(30, 90), np.arange(30))]
    model = built(name, "classification", early_stopping_rounds=3)
    data = TrainingData(X, y, task="classification", n_classes=3)
    predictions = cross_fit([model], data, folds)[:, 0]
    assert_array_equal(predictions[30:], np.tile([1.0, 0, 0], (60, 1)))
    assert_allclose(predictions[:30].sum(axis=1), 1)
    weight = np.where(np.isin(np.arange(90), [3, 40]), 1.0, 1e-9)  # one row in each training part
    alone = cross_fit([model], data, folds, weight[:, None])[:, 0]
    assert_array_equal(alone.argmax(axis=1), np.repeat([1, 0], [30, 60]))


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_part_of_one_class_is_refitted_as_a_constant(name):
    X, y = example_table(60), np.zeros(60, dtype=int)
    model = built(name, "classification", early_stopping_rounds=3)
    folds = make_folds(y, task="classification")
    data = TrainingData(X, y, task="classification", n_classes=3)
    _, (kept,) = cross_fit([model], data, folds, keep=True)
    fitted = refit(kept, data)
    assert_array_equal(predict_expert(fitted, X, n_classes=3)[:, 0], 1)


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("name", BOOSTERS)
def test_early_stopping_finds_a_size_and_refits_all_rows_with_it(name, task):
    X = example_table(300)
    noisy = example_target(X, "regression") + np.random.default_rng(0).normal(size=300)
    y = target(noisy, task)
    settings = {"n_estimators": 200, "params": {"learning_rate": 0.3}}
    stopped = built(name, task, early_stopping_rounds=10, **settings).fit(X, y)
    n_trees = stopped.model_.n_trees_
    assert 1 <= n_trees < 200
    full = built(name, task, **settings | {"n_estimators": n_trees}).fit(X, y)
    assert_allclose(
        predict_expert(stopped, X, n_classes=_n(task)), predict_expert(full, X, n_classes=_n(task))
    )


def _n(task):
    return None if task == "regression" else N_CLASSES


@pytest.mark.parametrize("name", BOOSTERS)
def test_the_folds_agree_on_one_size_which_the_refit_takes(name):
    X = example_table(300)
    y = example_target(X, "regression") + np.random.default_rng(0).normal(size=300)
    model = built(
        name,
        "regression",
        n_estimators=200,
        early_stopping_rounds=10,
        params={"learning_rate": 0.3},
    )
    folds = make_folds(y, task="regression")
    _, (kept,) = cross_fit([model], TrainingData(X, y), folds, keep=True)
    n_trees = kept.estimator.crossed_[1].n_trees_
    fitted = refit(kept, TrainingData(X, y))
    assert 1 <= n_trees < 200
    assert fitted.model_.n_trees_ == n_trees
    assert "_binned" not in vars(fitted.model_)
    assert not hasattr(fitted, "crossed_")


def test_the_common_size_has_the_least_loss_of_all_folds_together():
    grown = [
        _boosting._Grown(None, None, np.array([5.0, 1.0, 4.0]), 1.0),
        _boosting._Grown(None, None, np.array([9.0, 8.0, 7.0, 3.0]), 2.0),
        _boosting._Grown(None, None, np.array([]), 3.0),
        None,
    ]
    assert built("lightgbm", "regression").model._best_number(grown) == 4


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_part_set_aside_is_seeded_and_spread_over_the_classes(task):
    y = np.repeat([0, 1, 2], [100, 40, 60])
    model = built("lightgbm", task).model
    kept, held_out = model._set_aside(y)
    assert_array_equal(np.sort(np.concatenate([kept, held_out])), np.arange(200))
    assert len(held_out) == 30
    assert_array_equal(model._set_aside(y)[1], held_out)
    if task == "classification":
        assert_array_equal(np.bincount(y[held_out]), [15, 6, 9])


@pytest.mark.parametrize("name", BOOSTERS)
def test_too_few_rows_to_hold_out_grow_all_trees(name):
    X = example_table(50)
    model = built(name, "regression", early_stopping_rounds=1)
    assert model.fit(X, example_target(X, "regression")).model_.n_trees_ == 20


@pytest.mark.parametrize("name", ["xgboost", "catboost"])
def test_without_early_stopping_there_is_nothing_to_share(name):
    assert not hasattr(built(name, "regression"), "cross_fit")
    assert hasattr(built(name, "regression", early_stopping_rounds=5), "cross_fit")


def test_refit_without_cross_fit_is_an_error():
    X, y = few_levels()
    with pytest.raises(ValueError, match="refit must follow cross_fit"):
        built("lightgbm", "regression").refit(X, y)


class Counts(RegressorMixin, BaseEstimator):
    """Counts the fits of all of its kind."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class CountsItself(Counts):
    fits = 0

    def cross_fit(self, X, y, folds, sample_weight):
        predictions = np.empty(len(y))
        for train, test in folds:
            predictions[test] = self.fit(X[train], y[train]).predict(X[test])
        self.crossed_ = True
        return predictions

    def refit(self, X, y, sample_weight=None):
        assert self.crossed_
        return self.fit(X, y)


def test_every_fold_and_every_refit_is_one_fit():
    Counts.fits = CountsItself.fits = 0
    X, y = np.zeros((30, 1)), np.arange(30.0)
    folds = make_folds(y, task="regression")
    models = [Counts(), CountsItself(), Counts()]
    predictions, kept = cross_fit(models, TrainingData(X, y), folds, keep=True)
    assert (Counts.fits, CountsItself.fits) == (6, 3)
    fitted = [refit(one, TrainingData(X, y)) for one in kept]
    assert (Counts.fits, CountsItself.fits) == (8, 4)
    assert_allclose(predictions[:, 0], predictions[:, 1])
    assert_allclose([one.mean_ for one in fitted], 14.5)
    assert "crossed_" not in vars(models[1])


def test_workers_give_what_one_process_gives():
    X, y = few_levels(120)
    folds = make_folds(y, task="regression")
    models = [built("lightgbm", "regression"), built("xgboost", "regression")]
    results = [
        cross_fit(models, TrainingData(X, y), folds, n_jobs=n_jobs, keep=True) for n_jobs in (1, 2)
    ]
    assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    answers = [
        [predict_expert(refit(one, TrainingData(X, y)), X) for one in kept] for _, kept in results
    ]
    assert_allclose(*answers, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("lightgbm", {"metric": "auc"}),
        ("xgboost", {"eval_metric": "auc"}),
        ("catboost", {"eval_metric": "AUC"}),
    ],
)
def test_a_metric_that_may_be_better_when_larger_cannot_stop_early(name, params):
    with pytest.raises(ValueError, match=r"params must leave out (eval_)?metric"):
        built(name, "classification", early_stopping_rounds=5, params=params)
    assert built(name, "classification", params=params) is not None


@pytest.mark.parametrize(
    ("params", "n_classes", "depth"),
    [({}, 10, 6), ({}, 11, 4), ({"depth": 6}, 11, 6), ({"params": {"max_depth": 5}}, 11, 5)],
)
def test_catboost_grows_less_deep_for_many_classes(params, n_classes, depth):
    pytest.importorskip("catboost")
    built = experts.create("catboost", **params).build("classification", n_classes=n_classes)
    assert built.model.trees.settings["depth"] == depth
