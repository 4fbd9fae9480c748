"""Greedy ensemble selection."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from moe_lab.methods.greedy_selection import GreedyWeights
from moe_lab.registry import methods


def test_weights_are_the_shares_of_experts_whose_errors_cancel():
    rng = np.random.default_rng(0)
    y, error, noise = rng.normal(size=(3, 200))
    means = np.column_stack([y + error, y - error / 3, y + 5 * noise])
    weights = GreedyWeights().fit(means[:, :, None], y).weights_
    assert_allclose(weights, [0.25, 0.75, 0.0])


def test_probabilities_of_the_true_class_count():
    sure, even = [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]
    said = np.stack([even, sure], axis=1)
    assert_allclose(GreedyWeights().fit(said, np.array([0, 1])).weights_, [0.0, 1.0])
    assert_allclose(GreedyWeights().fit(said, np.array([1, 0])).weights_, [1.0, 0.0])


def test_a_row_of_weight_0_is_as_if_absent():
    means = np.array([[0.0, 9.0], [0.0, 1.0], [5.0, 1.0]])[:, :, None]
    y, weight = np.array([9.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0])
    weights = GreedyWeights().fit(means, y, weight).weights_
    assert_allclose(weights, GreedyWeights().fit(means[1:], y[1:]).weights_)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_method_averages_its_experts_by_their_weights(task):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = X[:, 0] if task == "regression" else np.where(X[:, 0] > 0, "up", "down")
    pool = ["linear", "k_nearest"]
    model = methods.create("greedy_selection", experts=pool).build(task, random_state=0).fit(X, y)
    pooled = np.einsum("k,nko->no", model.stacker_.weights_, model.expert_predictions(X))
    if task == "regression":
        assert_allclose(model.predict(X), pooled[:, 0])
        assert model.stacker_.weights_[0] > 0.9
    else:
        assert_allclose(model.predict_proba(X), pooled)
        assert set(model.predict(X)) == {"up", "down"}
