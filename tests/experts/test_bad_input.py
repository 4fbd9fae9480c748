"""Experts on hostile parts: many rare classes, one odd row, constant and wild targets, few rows."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.experts.k_nearest import KNearestClassifier, KNearestRegressor
from moe_lab.registry import experts
from moe_lab.table.data import TrainingData
from moe_lab.table.folds import make_folds
from moe_lab.testing import example_table, example_target

NEW = ["catboost", "k_nearest", "tabm"]
ALL = ["lightgbm", "xgboost", *NEW]
SMALL = {
    "tabm": {"max_epochs": 3, "n_members": 2, "width": 16},
    "k_nearest": {},
}
BOOSTED = {"n_estimators": 5}


def built(name, task, n_classes=None, **params):
    params = SMALL.get(name, BOOSTED) | params
    return experts.create(name, **params).build(task, n_classes=n_classes, random_state=0)


def fitted(model, X, y, task, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fit_expert(model, X, y, weight, task=task, random_state=0)


@pytest.mark.parametrize("name", ALL)
def test_300_classes_with_few_rows_each(name):
    X = np.random.default_rng(0).normal(size=(600, 3))
    y = np.repeat(np.arange(300), 2)
    stopping = {} if name in SMALL else {"early_stopping_rounds": 1, "n_estimators": 1}
    one = fitted(built(name, "classification", 300, **stopping), X, y, "classification")
    probabilities = predict_expert(one, X[:20], n_classes=300)
    assert probabilities.shape == (20, 300)
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.isfinite(probabilities).all()


@pytest.mark.parametrize("name", ALL)
def test_a_class_of_one_row_is_held_out_of_a_fold_that_lacks_it(name):
    X = example_table(120)
    y = example_target(X, "classification")
    y[y == 2] = 1
    y[7] = 2
    stopping = {} if name in SMALL else {"early_stopping_rounds": 2}
    model = built(name, "classification", 3, **stopping)
    folds = make_folds(y, task="classification")
    data = TrainingData(X, y, task="classification", n_classes=3)
    predictions = cross_fit([model], data, folds)[:, 0]
    (lacking,) = [test for _, test in folds if 7 in test]
    assert_array_equal(predictions[lacking, 2], 0)
    assert_allclose(predictions.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_constant_target_is_predicted(name):
    X, y = example_table(80), np.full(80, 3.5)
    one = fitted(built(name, "regression"), X, y, "regression")
    assert_allclose(one.predict(X), 3.5, rtol=1e-5)


@pytest.mark.parametrize("name", NEW)
def test_an_outlier_of_a_million_standard_deviations_leaves_predictions_finite(name):
    X = example_table(200)
    y = example_target(X, "regression")
    y[3] = 1e6 * y.std()
    one = fitted(built(name, "regression"), X, y, "regression")
    assert np.isfinite(one.predict(X)).all()
    assert np.median(np.abs(one.predict(X))) < 1e6 * np.std(y)


@pytest.mark.parametrize("name", NEW)
def test_columns_without_any_information_give_the_weighted_mean(name):
    X, y = np.zeros((60, 2)), np.repeat([0.0, 1.0], 30)
    weight = np.repeat([1.0, 3.0], 30)
    model = built(name, "regression", **({"max_epochs": 60} if name == "tabm" else {}))
    one = fitted(model, X, y, "regression", weight)
    assert_allclose(one.predict(X), 0.75, atol=0.1)


def test_fewer_rows_than_neighbours_are_all_neighbours():
    X, y = np.arange(4.0)[:, None], np.array([0.0, 0, 1, 1])
    model = KNearestRegressor((50,)).fit(X, y)
    assert model.chosen_[0] == 3
    assert_allclose(KNearestRegressor((5,)).fit(X[:1], y[:1]).predict(X), 0, atol=1e-12)


def test_duplicates_vote_together():
    X = np.repeat([[0.0], [1.0]], 20, axis=0)
    y = np.tile([0.0, 1.0], 20)
    model = KNearestRegressor((10, 20)).fit(X, y)
    assert np.isfinite(list(model.losses_.values())).all()
    assert np.isfinite(model.predict(np.array([[0.0], [0.5], [1.0]]))).all()


def test_the_number_of_neighbours_has_the_least_leave_one_out_loss():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(200, 1))
    y = np.sin(3 * X[:, 0]) + 0.3 * rng.normal(size=200)
    model = KNearestRegressor((1, 5, 100)).fit(X, y)
    assert model.chosen_[0] == 5
    number, by_distance = 5, False
    alone = [
        KNearestRegressor((number,)).fit(np.delete(X, i, 0), np.delete(y, i)) for i in range(200)
    ]
    for one in alone:
        one.chosen_ = (number, by_distance)
    errors = [(one.predict(X[[i]])[0] - y[i]) ** 2 for i, one in enumerate(alone)]
    assert_allclose(model.losses_[number, by_distance], np.mean(errors))


def test_neighbours_vote_by_their_weight_beside_the_prior():
    X = np.array([[0.0], [0.1], [5.0], [5.1]])
    y, weight = np.array([0, 1, 1, 1]), np.array([3.0, 1, 2, 2])
    model = KNearestClassifier((2,)).fit(X, y, sample_weight=weight)
    model.chosen_ = (2, False)
    votes, prior = np.array([1.5, 0.5]), np.array([3, 5]) / 8  # weights of mean 1
    assert_allclose(model.predict_proba([[0.05]])[0], (votes + prior) / 3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_neighbors": (0, 5)}, "n_neighbors must be positive numbers"),
        ({"n_neighbors": ()}, "n_neighbors must be positive numbers"),
        ({"prior_votes": 0.0}, "prior_votes must be above 0"),
    ],
)
def test_impossible_settings_of_neighbours(params, message):
    X, y = example_table(20), np.arange(20) % 2
    with pytest.raises(ValueError, match=message):
        built("k_nearest", "classification", 2, **params).fit(X, y)


def test_tabm_is_seeded_and_leaves_torch_alone():
    import torch

    X = np.random.default_rng(0).normal(size=(60, 2))
    before = torch.get_rng_state()
    first, again, other = (
        experts.create("tabm", **SMALL["tabm"])
        .build("regression", random_state=seed)
        .fit(X, X[:, 0])
        .predict(X)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), before)


def test_tabm_learns_a_wave_and_where_members_disagree_it_averages_them():
    X = np.random.default_rng(0).uniform(-2, 2, size=(300, 1))
    y = 1e6 * np.sin(3 * X[:, 0]) + 1e9
    model = experts.create("tabm", n_members=4, width=32).build("regression", random_state=0)
    model.fit(X, y)
    assert np.std(model.predict(X) - y) < 0.1 * y.std()
    members = model._outputs(X)[:, :, 0]
    assert members.shape == (300, 4)
    assert members.std(axis=1).min() > 0
    mean = members.mean(axis=1) * model.spread_ + model.mean_
    assert_allclose(model.predict(X), mean)
