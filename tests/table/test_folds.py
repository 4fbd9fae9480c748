"""Folds: a number, a splitter or a list of splits, wherever there is ``cv``; rows in order."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from moe_lab import MoEClassifier, MoERegressor, select_n_experts
from moe_lab.methods import GroupedStackingRegressor, LogOddsStackingRegressor
from moe_lab.registry import methods
from moe_lab.table.folds import folds_or_in_sample, make_folds
from moe_lab.train import EM, OutOfFold
from moe_lab.train.boosting import Boosting

TREES = ("extra_trees", {"n_estimators": 10})


def curved(n_samples=120):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n_samples, 2))
    return X, X[:, 0] + 0.1 * rng.normal(size=n_samples)


def fit_out_of_fold(cv, X, y, weight=None):
    return MoERegressor(["linear", TREES], train=OutOfFold(cv=cv), random_state=0).fit(X, y, weight)


def fit_em(cv, X, y, weight=None):
    trainer = EM(cv=cv, max_iter=2)
    return MoERegressor(TREES, n_experts=2, train=trainer, random_state=0).fit(X, y, weight)


def fit_boosting(cv, X, y, weight=None):
    return MoERegressor(n_experts=2, train=Boosting(cv=cv), random_state=0).fit(X, y, weight)


def fit_stacking(cv, X, y, weight=None):
    return LogOddsStackingRegressor(["linear"], cv=cv, random_state=0).fit(X, y, weight)


def fit_grouped_stacking(cv, X, y, weight=None):
    built = methods.create("stacking", experts=["linear"], cv=cv).build("regression")
    assert isinstance(built, GroupedStackingRegressor)
    return built.fit(X, y)


def fit_selection(cv, X, y, weight=None):
    moe = MoERegressor("linear", n_experts=2, train=("em", {"n_init": 1}), random_state=0)
    return select_n_experts(moe, X, y, [1, 2], cv=cv, sample_weight=weight).best_mixture


FITS = [
    fit_out_of_fold,
    fit_em,
    fit_boosting,
    fit_stacking,
    fit_grouped_stacking,
    fit_selection,
]


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.__name__)
def test_a_number_its_splitter_and_its_splits_fit_alike(fit):
    X, y = curved()
    forms = [3, KFold(3), list(KFold(3).split(X)), PredefinedSplit(np.repeat([0, 1, 2], 40))]
    number, *others = (fit(cv, X, y).predict(X) for cv in forms)
    for other in others:
        assert_allclose(other, number)


@pytest.mark.parametrize(
    "fit", [fit_out_of_fold, fit_em, fit_boosting, fit_stacking, fit_selection]
)
def test_a_list_of_splits_knows_the_rows_of_the_caller(fit):
    X, y = curved()
    weight = (np.arange(120) % 3 > 0).astype(float)
    kept = np.flatnonzero(weight)
    fold = np.arange(120) // 7 % 3
    splits = list(PredefinedSplit(fold).split())
    weighted = fit(splits, X, y, weight)
    assert_allclose(
        weighted.predict(X), fit(PredefinedSplit(fold[kept]), X[kept], y[kept]).predict(X)
    )


@pytest.mark.parametrize(
    "cv", [StratifiedKFold(2), list(StratifiedKFold(2).split(curved()[0], curved()[1] > 0))]
)
def test_boosted_classes_take_splits(cv):
    X, y = curved()
    moe = MoEClassifier(n_experts=2, train=Boosting(cv=cv), random_state=0)
    assert moe.fit(X, y > 0).score(X, y > 0) > 0.8


def test_groups_reach_the_splitter():
    groups = np.arange(12) % 4
    folds = make_folds(np.zeros(12), task="regression", cv=GroupKFold(2), groups=groups)
    assert all(not set(groups[train]) & set(groups[test]) for train, test in folds)


def test_masks_are_splits():
    first = np.arange(6) < 3
    folds = make_folds(np.zeros(6), task="regression", cv=[(first, ~first), (~first, first)])
    assert_array_equal(folds[0][1], [3, 4, 5])


@pytest.mark.parametrize(
    ("cv", "groups", "message"),
    [
        (1, None, "cv must be at least 2, a splitter or a list"),
        (True, None, "got cv=True"),
        ("3", None, "got cv='3'"),
        (2.5, None, "got cv=2.5"),
        (TimeSeriesSplit(3), None, "3 of 12 rows never held out"),
        (ShuffleSplit(3, random_state=0), None, "hold every row out once"),
        ([(np.arange(6), np.arange(6, 12))], None, "6 of 12 rows never held out"),
        ([(np.arange(12), np.arange(6)), (np.arange(6), np.arange(6, 12))], None, "6 in their own"),
        (KFold(3), np.arange(12) % 2, "rows of a group .* GroupKFold"),
    ],
    ids=str,
)
def test_what_holds_rows_out_wrongly_is_said(cv, groups, message):
    with pytest.raises(ValueError, match=message):
        make_folds(np.zeros(12), task="regression", cv=cv, groups=groups)


@pytest.mark.parametrize("fit", [fit_out_of_fold, fit_em, fit_stacking, fit_selection])
def test_rows_sorted_by_the_target_are_warned_of_with_the_remedy(fit):
    X, y = curved()
    order = np.argsort(y)
    with pytest.warns(UserWarning, match=r"rows are ordered by y.*cv=KFold\(3, shuffle=True"):
        fit(3, X[order], y[order])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The rows are ordered")
        fit(KFold(3, shuffle=True, random_state=0), X[order], y[order])


@pytest.mark.parametrize("n_samples", [10, 30, 300])
@pytest.mark.parametrize("n_folds", [2, 3, 10])
def test_shuffled_rows_are_no_alarm(n_samples, n_folds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(200):
            y = np.random.default_rng(seed).lognormal(size=n_samples)
            folds_or_in_sample(y, task="regression", cv=n_folds)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_shuffle_repairs_what_sorted_rows_cost(direction):
    X, y = curved(300)
    order = np.argsort(direction * y)
    with pytest.warns(UserWarning, match="ordered by y"):
        in_order = fit_out_of_fold(3, X[order], y[order])
    shuffled = fit_out_of_fold(KFold(3, shuffle=True, random_state=0), X[order], y[order])
    assert shuffled.history_["log_likelihood"].item() > in_order.history_["log_likelihood"].item()
