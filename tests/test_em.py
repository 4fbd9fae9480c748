"""EM: the log-likelihood climbs, and finds what clustering cannot."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsRegressor

from moe_lab import MoERegressor
from moe_lab.divide.base import Divider
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.train import EM
from moe_lab.train.em import e_step


def unregularised(n_experts=2, **params):
    settings = {"n_init": 4, "tol": 1e-9, "max_iter": 300} | params
    return MoERegressor(
        LinearExpert(alpha=0.0),
        n_experts=n_experts,
        gate=SoftmaxGate(C=np.inf),
        train=EM(**settings),
        random_state=0,
    )


@pytest.fixture(scope="module")
def crossing():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(400, 1))
    slope = rng.choice([-2.0, 2.0], size=400)
    return X, slope * X[:, 0] + rng.normal(0, 0.1, size=400)


def test_log_likelihood_never_drops(crossing):
    history = unregularised(n_init=1, quasi_newton=False).fit(*crossing).history_
    assert len(history) > 5
    assert (np.diff(history["log_likelihood"]) > -1e-6).all()


def test_a_random_start_recovers_two_lines_that_cross(crossing):
    moe = unregularised().fit(*crossing)
    slopes = sorted(
        expert.predict([[1.0]])[0] - expert.predict([[0.0]])[0] for expert in moe.experts_
    )
    assert_allclose(slopes, [-2, 2], atol=0.1)
    assert_allclose(moe.scales_, 0.1, atol=0.03)


def test_kmeans_on_the_input_does_not_recover_them(crossing):
    kmeans = MoERegressor("linear", n_experts=2, divide="kmeans", random_state=0).fit(*crossing)
    slopes = [expert.predict([[1.0]])[0] - expert.predict([[0.0]])[0] for expert in kmeans.experts_]
    assert np.abs(slopes).max() < 1


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_unit_of_y_only_shifts_the_log_likelihood(crossing, unit):
    X, y = crossing
    one, other = unregularised().fit(X, y), unregularised().fit(X, unit * y)
    shift = -len(y) * np.log(unit)
    assert_allclose(other.log_likelihood(X, unit * y), one.log_likelihood(X, y) + shift, atol=1e-4)
    assert_allclose(other.responsibilities(X, unit * y), one.responsibilities(X, y), atol=1e-6)


def test_where_no_expert_explains_a_row_the_gate_decides():
    responsibilities, _ = e_step(np.log([[0.3, 0.7]]), np.array([[-np.inf, -np.inf]]))
    assert_allclose(responsibilities, [[0.3, 0.7]])


class Unfair(Divider):
    """Leaves nothing to the last expert."""

    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        start = np.zeros((len(y), n_experts))
        start[:, :-1] = np.random.default_rng(0).dirichlet(np.ones(n_experts - 1), len(y))
        return start


def test_a_dead_expert_is_dropped_with_a_warning(crossing):
    with pytest.warns(ConvergenceWarning, match="1 of 3 experts lost all their rows"):
        moe = MoERegressor("linear", n_experts=3, divide=Unfair(), train="em", random_state=0).fit(
            *crossing
        )
    assert moe.n_experts_ == len(moe.experts_) == len(moe.scales_) == 2
    assert moe.gate_weights(crossing[0]).shape == (400, 2)


def test_an_expert_that_memorises_gets_an_honest_noise_scale():
    rng = np.random.default_rng(0)
    X, noise = rng.uniform(size=(200, 1)), rng.normal(size=200)
    nearest = KNeighborsRegressor(n_neighbors=1)
    moe = MoERegressor(nearest, n_experts=1, train="em", random_state=0).fit(X, noise)
    assert moe.predict(X) == pytest.approx(noise)
    assert 1.2 < moe.scales_[0] / noise.std() < 1.6  # two draws of noise: 1.41


def test_one_expert_is_the_bare_expert(crossing):
    X, y = crossing
    bare = LinearExpert().build("regression").fit(X, y)
    moe = MoERegressor("linear", n_experts=1, train="em", random_state=0).fit(X, y)
    assert moe.predict(X) == pytest.approx(bare.predict(X))
    assert moe.score_samples(X, y) == pytest.approx(bare.log_prob(X, y))


def test_a_flexible_expert_over_one_group_is_scored_in_sample_with_a_warning():
    X = np.arange(12.0)[:, None]
    moe = MoERegressor(KNeighborsRegressor(2), n_experts=2, train="em", random_state=0)
    with pytest.warns(UserWarning, match="Too few rows or groups"):
        moe.fit(X, X[:, 0], groups=np.zeros(12))
    assert np.isfinite(moe.history_["log_likelihood"]).all()
