"""A weight counts as so many rows: equal to repeated rows, and a warning where they are few."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from moe_lab import MoEClassifier, MoERegressor, select_n_experts
from moe_lab.methods import AverageRegressor


def kinked(n_samples=200):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.05 * rng.normal(size=n_samples)


def em(kind=MoERegressor, **settings):
    return kind("linear", n_experts=2, train="em", random_state=0, **settings)


def shares(y):
    return np.full(len(y), 1 / len(y))


def test_weights_that_sum_to_one_are_warned_of_with_the_remedy():
    X, y = kinked()
    for model, target in (
        (em(), y),
        (em(MoEClassifier), y > 0.5),
        (AverageRegressor(["linear"]), y),
    ):
        with pytest.warns(UserWarning, match=r"sample_weight .* sum is 1: .* by its mean, 0.005"):
            model.fit(X, target, sample_weight=shares(y))


def test_select_n_experts_hands_the_warning_on():
    X, y = kinked()
    with pytest.warns(UserWarning, match="sample_weight must count rows"):
        select_n_experts(em(), X, y, [1, 2], cv=2, sample_weight=shares(y))


def test_criteria_of_weights_that_sum_to_one_are_warned_of():
    X, y = kinked()
    moe = em().fit(X, y)
    with pytest.warns(UserWarning, match="sample_weight must count rows"):
        moe.bic(X, y, shares(y))


def test_weights_divided_by_their_mean_do_as_well_as_none():
    X, y = kinked()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weighted = em().fit(X, y, sample_weight=shares(y) / shares(y).mean())
    assert_allclose(weighted.predict(X), em().fit(X, y).predict(X), rtol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        MoERegressor(n_experts=2, train="boosting", random_state=0),
        MoERegressor(("mlp", {"hidden": (8,)}), n_experts=2, train="gradient", random_state=0),
    ],
    ids=["boosting", "gradient"],
)
def test_where_only_the_shares_matter_there_is_no_warning(model):
    X, y = kinked()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="sample_weight")
        light = model.fit(X, y, sample_weight=shares(y)).predict(X)
    assert_allclose(light, model.fit(X, y).predict(X), rtol=1e-4, atol=1e-4)


def test_few_rows_are_no_fault_of_their_weights():
    X, y = kinked(12)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="sample_weight")
        em().fit(X, y, sample_weight=np.ones(12))
