"""Baselines fit and predict like a mixture, and each is what its name says."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.experts.spec import as_experts
from moe_lab.methods import (
    AverageClassifier,
    AverageRegressor,
    GroupedStackingRegressor,
    LogOddsStackingClassifier,
    LogOddsStackingRegressor,
    MatchedEnsembleClassifier,
    MatchedEnsembleRegressor,
)
from moe_lab.registry import methods
from moe_lab.table import log_odds
from moe_lab.table.data import TrainingData
from moe_lab.table.folds import make_folds

CHEAP = ["linear", ("lightgbm", {"n_estimators": 20})]
NAMES = ["average", "greedy_selection", "log_odds_stacking", "matched_ensemble", "stacking"]
TASKS = ["regression", "classification"]


def build(name, task, **settings):
    params = {"expert": CHEAP[1]} if name == "matched_ensemble" else {"experts": CHEAP}
    return methods.create(name, **params).build(task, random_state=0, **settings)


@pytest.fixture
def shop():
    """A table with a category, a missing value in each column and 120 rows."""
    rng = np.random.default_rng(0)
    colour = pd.Series(rng.choice(["red", "blue", "green"], 120), dtype="category")
    size = rng.standard_normal(120)
    X = pd.DataFrame({"colour": colour, "size": size})
    X["width"] = rng.standard_normal(120)
    X.loc[3, "colour"], X.loc[4, "size"] = np.nan, np.nan
    return X, size + 2.0 * (colour == "red") + 0.1 * rng.standard_normal(120)


def target(price, task, kind):
    if task == "regression":
        return price
    edges = {"binary": 1, "multiclass": 2}[kind]
    codes = pd.qcut(price, edges + 1, labels=False)
    return np.array(["cheap", "fair", "dear"])[codes]


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_tables_with_categories_missing_values_and_labels_are_learnt(shop, name, task, kind):
    X, price = shop
    y = target(price, task, kind)
    model = build(name, task).fit(X, y)
    assert model.score(X, y) > 0.7
    one = model.predict(X.iloc[[5]])
    assert one.shape == (1,)
    assert one[0] == pytest.approx(model.predict(X)[5]) if task == "regression" else one[0] in y
    if task == "classification":
        proba = model.predict_proba(X)
        assert proba.shape == (120, len(np.unique(y)))
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        np.testing.assert_array_equal(model.classes_, np.unique(y))
        np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_clone_has_the_same_parameters_and_the_same_answers(shop, name, task):
    X, price = shop
    y = target(price, task, "binary")
    model = build(name, task)
    copy = clone(model)
    assert str(copy.get_params()) == str(model.get_params())
    np.testing.assert_array_equal(model.fit(X, y).predict(X), copy.fit(X, y).predict(X))


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_other_answers(shop, name):
    X, price = shop
    params = (
        {"expert": "extra_trees"} if name == "matched_ensemble" else {"experts": ["extra_trees"]}
    )
    method = methods.create(name, **params)
    one, other = (
        method.build("regression", random_state=seed).fit(X[:80], price[:80]).predict(X[80:])
        for seed in (0, 1)
    )
    assert not np.allclose(one, other)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_heavy_rows_pull_the_answer(shop, name, task):
    X, price = shop
    y = target(price, task, "binary")
    high = price > np.median(price)
    model = build(name, task)
    if task == "regression":
        plain = model.fit(X, y).predict(X).mean()
        pulled = model.fit(X, y, sample_weight=np.where(high, 20.0, 1.0)).predict(X).mean()
    else:
        column = int(np.flatnonzero(np.unique(y) == y[np.argmax(price)])[0])
        plain = model.fit(X, y).predict_proba(X)[:, column].mean()
        weight = np.where(high, 20.0, 1.0)
        pulled = model.fit(X, y, sample_weight=weight).predict_proba(X)[:, column].mean()
    assert pulled > plain + 0.02


@pytest.mark.parametrize("name", ["average", "log_odds_stacking"])
def test_rows_of_weight_zero_are_as_if_absent(shop, name):
    X, price = shop
    kept = np.arange(120) % 4 > 0
    model = build(name, "regression")
    weighted = model.fit(X, price, sample_weight=kept.astype(float)).predict(X)
    fewer = model.fit(X[kept], price[kept]).predict(X)
    np.testing.assert_allclose(weighted, fewer, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_with_a_single_row_is_still_a_class(name):
    X, y = make_classification(60, 5, random_state=0)
    y[7] = 2
    model = build(name, "classification", n_classes=3)
    with warnings.catch_warnings():  # scikit-learn's stacking mentions the rare class
        warnings.filterwarnings("ignore", message="The least populated class|Number of classes in")
        proba = model.fit(X, y).predict_proba(X)
    assert proba.shape == (60, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_one_class_only_is_an_error():
    with pytest.raises(ValueError, match="at least two classes, got one class"):
        AverageClassifier(["linear"]).fit(np.eye(3), ["a", "a", "a"])


def test_stacking_is_scikit_learns_own():
    X, y = make_classification(120, 5, random_state=0)
    ours = build("stacking", "classification", n_classes=2)
    theirs = StackingClassifier(clone(ours).estimators)
    expected = theirs.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(ours.fit(X, y).predict_proba(X), expected)
    assert isinstance(ours.final_estimator_, LogisticRegression)
    assert isinstance(build("stacking", "regression").fit(X, y).final_estimator_, RidgeCV)


def test_experts_are_the_mixtures_own_pool_by_default():
    for name in ("average", "log_odds_stacking"):
        assert methods.create(name).build("regression").experts == "auto"
    estimators = methods.create("stacking").build("regression").estimators
    assert len(estimators) == len(as_experts("auto", "regression"))


class PeekingNeighbour(KNeighborsRegressor):
    """One nearest neighbour: perfect on a row whose twin it has seen."""

    def __init__(self):
        super().__init__(n_neighbors=1)


@pytest.mark.parametrize(
    "model",
    [
        LogOddsStackingRegressor([PeekingNeighbour(), "linear"]),
        GroupedStackingRegressor([("peek", PeekingNeighbour()), ("mean", RidgeCV())]),
    ],
    ids=["log_odds_stacking", "stacking"],
)
def test_groups_keep_twins_out_of_the_other_folds(model):
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((40, 3)), 2, axis=0)
    y = np.repeat(rng.standard_normal(40), 2)  # noise: only a twin tells it
    order = rng.permutation(80)
    X, y, groups = X[order], y[order], np.repeat(np.arange(40), 2)[order]

    def trust(**options):
        fitted = clone(model).fit(X, y, **options)
        return getattr(fitted, "stacker_", None) or fitted.final_estimator_

    assert trust().coef_[0] > 0.5
    assert abs(trust(groups=groups).coef_[0]) < 0.4


def test_a_single_group_cannot_be_stacked_over():
    model = GroupedStackingRegressor([("line", RidgeCV())])
    with pytest.raises(ValueError, match="at least two groups to stack over, got 1 in 4 rows"):
        model.fit(np.eye(4), np.arange(4.0), groups=np.zeros(4))


def test_stacking_keeps_its_own_cv_after_a_grouped_fit():
    model = GroupedStackingRegressor([("line", RidgeCV())], cv=4)
    model.fit(np.eye(8), np.arange(8.0), groups=np.arange(8) // 2)
    assert model.cv == 4


def test_the_stacker_is_fitted_on_clipped_out_of_fold_log_odds():
    X, y = make_classification(90, 5, random_state=0)
    pool = [KNeighborsClassifier(1), LogisticRegression()]
    model = LogOddsStackingClassifier(pool, random_state=0).fit(X, y)
    built = [one.build("classification", n_classes=2) for one in as_experts(pool, "classification")]
    folds = make_folds(y, task="classification", cv=3)
    data = TrainingData(X, y, task="classification", n_classes=2)
    predictions = cross_fit(built, data, folds)
    features = log_odds(predictions)
    assert features.shape == (90, 2)
    assert np.abs(features[:, 0]).max() == pytest.approx(np.log((1 - 1e-5) / 1e-5))
    expected = LogisticRegression(C=0.1, max_iter=1000).fit(features, y)
    np.testing.assert_allclose(model.stacker_.coef_, expected.coef_, rtol=1e-5)


def test_multiclass_log_odds_are_centred_over_the_classes():
    rng = np.random.default_rng(0)
    features = log_odds(rng.dirichlet(np.ones(3), (5, 2)))
    assert features.shape == (5, 6)
    np.testing.assert_allclose(features.reshape(5, 2, 3).sum(axis=2), 0, atol=1e-12)


def test_log_odds_stacking_trusts_the_expert_that_knows():
    X, y = make_regression(150, 4, noise=1.0, random_state=0)
    pool = ["linear", KNeighborsRegressor(1)]
    stacking = LogOddsStackingRegressor(pool, random_state=0).fit(X[:100], y[:100])
    average = AverageRegressor(pool, random_state=0).fit(X[:100], y[:100])
    assert stacking.stacker_.coef_[0] > 0.9
    assert stacking.score(X[100:], y[100:]) > average.score(X[100:], y[100:])


def test_a_stacker_without_folds_says_that_it_is_fitted_in_sample():
    X, y = make_regression(20, 2, random_state=0)
    with pytest.warns(UserWarning, match=r"Too few rows or groups for two folds \(rows: 20\)"):
        model = LogOddsStackingRegressor(["linear"]).fit(X, y, groups=np.zeros(20))
    assert model.score(X, y) > 0.9


def test_average_is_the_mean_of_its_experts(shop):
    X, price = shop
    model = AverageRegressor(CHEAP, random_state=0).fit(X, price)
    np.testing.assert_allclose(model.expert_predictions(X).mean(axis=1)[:, 0], model.predict(X))


@pytest.mark.parametrize("expert", ["lightgbm", "extra_trees", "linear"])
@pytest.mark.parametrize("task", TASKS)
def test_no_two_members_of_the_matched_ensemble_predict_alike(task, expert):
    X, signal = make_regression(200, 6, noise=5.0, random_state=0)
    y = signal if task == "regression" else (signal > 0).astype(int)
    kind = MatchedEnsembleRegressor if task == "regression" else MatchedEnsembleClassifier
    model = kind(expert, n_members=4, random_state=0).fit(X, y)
    said = model.expert_predictions(X)[:, :, -1]  # (n_samples, n_members)
    apart = np.abs(said[:, :, None] - said[:, None, :]).mean(axis=0) / said.std()
    assert apart[~np.eye(4, dtype=bool)].min() > 0.01


def test_members_of_the_matched_ensemble_see_their_share_of_columns():
    X, y = make_regression(50, 10, random_state=0)
    model = MatchedEnsembleRegressor("linear", n_members=3, random_state=0).fit(X, y)
    columns = [tuple(columns) for columns, _ in model.experts_]
    assert [len(one) for one in columns] == [8, 8, 8]
    assert len(set(columns)) == 3


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_members": 0}, "n_members must be at least 1, got n_members=0"),
        ({"row_share": 0.0}, r"row_share must be in \(0, 1\], got row_share=0.0"),
        ({"column_share": 1.5}, r"column_share must be in \(0, 1\], got column_share=1.5"),
    ],
)
def test_a_bad_ensemble_says_what_is_allowed(params, message):
    with pytest.raises(ValueError, match=message):
        MatchedEnsembleRegressor("linear", **params).fit(np.eye(4), np.arange(4.0))


def test_an_infinite_feature_is_named():
    X = pd.DataFrame({"size": [1.0, np.inf, 2.0]})
    with pytest.raises(ValueError, match="infinite values in column 'size'"):
        AverageRegressor(["linear"]).fit(X, [1.0, 2.0, 3.0])
