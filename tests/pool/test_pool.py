"""Poolers: what each one claims beyond the contract."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from moe_lab.registry import poolers

NAN = np.nan
MEANS = np.array([[[1.0], [2.0], [10.0]]])  # (1 sample, 3 experts, 1 output)
CLASSES = np.array([[[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]]])
GATE = np.array([[0.5, 0.2, 0.3]])


@pytest.mark.parametrize(
    ("name", "params", "predictions", "scales", "pooled"),
    [
        ("linear", {}, MEANS, None, [3.9]),
        ("linear", {}, CLASSES, None, [0.45, 0.55]),
        ("argmax", {}, MEANS, None, [1.0]),
        ("argmax", {}, CLASSES, None, [0.6, 0.4]),
        ("top_k", {"k": 1}, MEANS, None, [1.0]),
        ("top_k", {"k": 2}, MEANS, None, [(0.5 * 1 + 0.3 * 10) / 0.8]),
        ("top_k", {"k": 3}, MEANS, None, [3.9]),
        ("confident", {}, MEANS, [2.0, 1.0, 3.0], [2.0]),
        ("confident", {}, CLASSES, None, [0.1, 0.9]),
        ("vote", {}, CLASSES, None, [0.7, 0.3]),
        ("median", {}, MEANS, None, [1.5]),
        ("log_linear", {}, MEANS, [1.0, 1.0, 1.0], [3.9]),
    ],
)
def test_pools_as_it_says(name, params, predictions, scales, pooled):
    pooler = poolers.create(name, **params)
    assert_allclose(pooler.pool(predictions, GATE, scales), [pooled])


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("linear", [True, False, True]),
        ("argmax", [False, False, True]),
        ("top_k", [True, False, True]),
        ("confident", [True, False, True]),
        ("log_linear", [True, False, True]),
        ("median", [True, False, True]),
    ],
)
def test_an_expert_that_is_not_needed_is_not_read(name, needed):
    gate_weights = np.array([[0.4, 0.0, 0.6]])
    pooler = poolers.create(name)
    assert_array_equal(pooler.needs(gate_weights), [needed])
    holes = np.where(needed, [1.0, 2.0, 10.0], NAN)[None, :, None]
    scales = np.array([1.0, NAN, 2.0])
    assert np.isfinite(pooler.pool(holes, gate_weights, scales)).all()


def test_a_needed_prediction_that_is_nan_is_not_hidden():
    holes = np.where([True, False, True], [1.0, 2.0, 10.0], NAN)[None, :, None]
    for name in ("linear", "top_k"):
        assert np.isnan(poolers.create(name).pool(holes, np.array([[0.3, 0.4, 0.3]]))).all()


def test_top_k_asks_exactly_k_even_where_weights_are_equal():
    needed = poolers.create("top_k", k=2).needs(np.full((5, 4), 0.25))
    assert_array_equal(needed.sum(axis=1), 2)


def test_top_one_equals_argmax():
    rng = np.random.default_rng(0)
    predictions, gate_weights = rng.normal(size=(50, 4, 1)), rng.dirichlet(np.ones(4), 50)
    assert_allclose(
        poolers.create("top_k", k=1).pool(predictions, gate_weights),
        poolers.create("argmax").pool(predictions, gate_weights),
    )


@pytest.mark.parametrize("k", [0, 4])
def test_top_k_needs_k_experts(k):
    with pytest.raises(ValueError, match=f"from 1 to n_experts, got k={k} and n_experts=3"):
        poolers.create("top_k", k=k).needs(GATE)


@pytest.mark.parametrize("name", ["confident", "log_linear"])
def test_regression_by_noise_needs_scales(name):
    with pytest.raises(ValueError, match="scales must be given.*'linear'"):
        poolers.create(name).pool(MEANS, GATE)


def test_log_linear_pools_gaussians_into_the_normalised_product_of_powers():
    scales = np.array([0.5, 1.0, 2.0])
    grid = np.linspace(-30, 40, 200_001)
    log_density = GATE[0] @ norm(MEANS[0], scales[:, None]).logpdf(grid)
    density = np.exp(log_density - log_density.max())
    expected = np.average(grid, weights=density)
    assert_allclose(poolers.create("log_linear").pool(MEANS, GATE, scales), [[expected]], rtol=1e-6)


def test_log_linear_pools_probabilities_by_their_geometric_mean():
    product = np.prod(CLASSES[0] ** GATE[0][:, None], axis=0)
    assert_allclose(poolers.create("log_linear").pool(CLASSES, GATE), [product / product.sum()])


def test_one_expert_cannot_veto_a_class_in_the_log_linear_pool():
    predictions = np.array([[[0.0, 1.0], [0.999, 0.001]]])
    pooled = poolers.create("log_linear").pool(predictions, np.array([[0.2, 0.8]]))
    assert pooled[0, 0] > 0.9


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_log_linear_survives_extreme_scales(scale):
    pooled = poolers.create("log_linear").pool(MEANS, GATE, np.full(3, scale))
    assert_allclose(pooled, [[3.9]])


def test_median_of_equal_weights_is_the_ordinary_median():
    rng = np.random.default_rng(0)
    for n_experts in (1, 3, 4, 10):
        predictions = rng.normal(size=(20, n_experts, 1))
        gate_weights = np.full((20, n_experts), 1 / n_experts)
        pooled = poolers.create("median").pool(predictions, gate_weights)
        assert_allclose(pooled, np.median(predictions, axis=1))


def test_median_is_not_moved_by_one_wild_expert():
    wild = MEANS.copy()
    wild[0, 2] = 1e9
    gate_weights = np.array([[0.3, 0.4, 0.3]])
    assert_allclose(poolers.create("median").pool(wild, gate_weights), [[2.0]])
