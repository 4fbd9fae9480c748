"""The expert "poisson": what it alone claims; the laws of its kind are checked with all others."""

import numpy as np
import pytest

from moe_lab import MoERegressor
from moe_lab.registry import datasets, experts


def built(**params):
    return experts.create("poisson", **params).build("regression")


def test_it_finds_the_rates_that_made_the_counts():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 1))
    counts = rng.poisson(np.exp(0.5 + 0.8 * x[:, 0])).astype(float)
    fitted = built().fit(x, counts)
    assert fitted.predict([[0.0], [1.0]]) == pytest.approx(np.exp([0.5, 1.3]), rel=0.1)


def test_a_count_that_weighs_double_counts_twice():
    rng = np.random.default_rng(1)
    x, counts = rng.normal(size=(60, 2)), rng.poisson(3.0, size=60).astype(float)
    weight = rng.integers(1, 3, size=60)
    twice = built().fit(np.repeat(x, weight, axis=0), np.repeat(counts, weight))
    assert built().fit(x, counts, weight).predict(x) == pytest.approx(twice.predict(x), rel=1e-3)


@pytest.mark.parametrize("wrong", [-1.0, 0.5])
def test_what_is_no_count_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"whole numbers from 0 on.*got {wrong:g}; take 'linear'"):
        built().fit(np.ones((3, 1)), np.array([0.0, 2.0, wrong]))


def test_under_em_several_poisson_experts_explain_more_than_one():
    data = datasets.create("bicycle_counts")
    params = {"gate": "softmax", "train": ("em", {"max_iter": 30, "tol": 1e-3, "n_init": 1})}
    one, several = (
        MoERegressor("poisson", n_experts=n_experts, random_state=0, **params)
        .fit(data.X, data.y)
        .score_samples(data.X, data.y)
        .mean()
        for n_experts in (1, 4)
    )
    assert several > one + 0.5
