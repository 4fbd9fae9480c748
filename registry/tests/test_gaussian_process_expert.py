"""The expert "gaussian_process": what it alone claims."""

import numpy as np
import pytest

from moe_lab.registry import experts

RNG = np.random.default_rng(0)
X = np.sort(RNG.uniform(-3, 3, 80))[:, None]
Y = np.sin(2 * X[:, 0]) + 0.05 * RNG.normal(size=80)


def fitted(weight=None, **params):
    return experts.create("gaussian_process", **params).build("regression").fit(X, Y, weight)


def test_it_follows_a_curve_and_knows_that_it_does_not_know_far_away():
    process = fitted()
    new = np.linspace(-2.8, 2.8, 20)[:, None]
    assert process.predict(new) == pytest.approx(np.sin(2 * new[:, 0]), abs=0.1)
    near, far = process.log_prob(np.array([[0.0], [9.0]]), np.array([0.0, 0.0]))
    assert near > far + 1


def test_of_many_rows_it_draws_some_alike_for_the_same_seed():
    model = experts.create("gaussian_process", max_rows=20).build("regression", random_state=1)
    one, two = model.fit(X, Y).predict(X), model.fit(X, Y).predict(X)
    assert one == pytest.approx(two)
    assert np.corrcoef(one, Y)[0, 1] > 0.9
