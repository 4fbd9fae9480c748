"""EM of flexible experts: scored on rows that they did not see."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from moe_lab import MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.train import EM
from moe_lab.train.em import rounds


def test_an_expert_that_memorises_gets_an_honest_noise_scale():
    rng = np.random.default_rng(0)
    X, noise = rng.uniform(size=(200, 1)), rng.normal(size=200)
    nearest = KNeighborsRegressor(n_neighbors=1)
    moe = MoERegressor(nearest, n_experts=1, train="em", random_state=0).fit(X, noise)
    assert moe.predict(X) == pytest.approx(noise)
    assert 1.2 < moe.scales_[0] / noise.std() < 1.6  # two draws of noise: 1.41


class Claimed(KNeighborsRegressor):
    """A nearest neighbour that says it is parametric, and so is scored in sample."""

    parametric = True
    scale_ = 0.0

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        self.scale_ = max(np.sqrt(np.mean((self.predict(X) - y) ** 2)), 1e-9)
        return self

    def log_prob(self, X, y):
        return -0.5 * ((y - self.predict(X)) / self.scale_) ** 2 - np.log(self.scale_)


def test_in_sample_it_would_get_none():
    rng = np.random.default_rng(0)
    X, noise = rng.uniform(size=(200, 1)), rng.normal(size=200)
    with pytest.warns(ConvergenceWarning, match="at its floor"):
        moe = MoERegressor(Claimed(n_neighbors=1), n_experts=1, train="em").fit(X, noise)
    assert moe.scales_[0] < 1e-6


def test_a_flexible_expert_over_one_group_is_scored_in_sample_with_a_warning():
    X = np.arange(12.0)[:, None]
    moe = MoERegressor(KNeighborsRegressor(2), n_experts=2, train="em", random_state=0)
    with pytest.warns(UserWarning, match="Too few rows or groups"):
        moe.fit(X, X[:, 0], groups=np.zeros(12))
    assert np.isfinite(moe.history_["log_likelihood"]).all()


def test_a_part_of_one_row_gets_a_constant_expert():
    X = np.linspace(-1, 1, 40)[:, None]
    weight = np.where(np.arange(40) == 7, 1e12, 1.0)
    trees = DecisionTreeRegressor(min_samples_leaf=3)
    moe = MoERegressor(trees, n_experts=2, train="em", random_state=0)
    predicted = moe.fit(X, X[:, 0] ** 2, sample_weight=weight).predict(X)
    assert predicted[7] == pytest.approx(X[7, 0] ** 2, abs=1e-3)


def test_gate_and_experts_may_look_at_different_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["slope", "side"])
    y = np.where(X["side"] > 0, 2, -2) * X["slope"] + rng.normal(0, 0.1, 200)
    moe = MoERegressor(
        LinearExpert(columns=["slope"]),
        n_experts=2,
        gate=SoftmaxGate(C=100.0, columns=["side"]),
        train=EM(n_init=3),
        random_state=0,
    ).fit(X, y)
    assert moe.score(X, y) > 0.9
    other_side, other_slope = X.assign(side=X["side"][::-1]), X.assign(slope=0.0)
    assert_allclose(moe.expert_predictions(other_side), moe.expert_predictions(X))
    assert_allclose(moe.gate_weights(other_slope), moe.gate_weights(X))
    assert moe.n_parameters_ == 2 * 3 + 2


@pytest.mark.parametrize("max_iter", [2, None])
def test_rounds_that_may_take_minutes_are_told_of_once(monkeypatch, max_iter):
    monkeypatch.setattr(rounds, "LEAST_ROUND", 0.0)
    monkeypatch.setattr(rounds, "LONG", 0.0)
    X = np.linspace(-1, 1, 40)[:, None]
    em = EM(max_iter=max_iter, n_init=2)
    with pytest.warns(
        UserWarning, match=rf"a start: {max_iter or 200} rounds at most .max_iter"
    ) as told:
        MoERegressor("linear", n_experts=2, train=em, random_state=0).fit(X, abs(X[:, 0]))
    (one,) = [one for one in told if "This fit may take" in str(one.message)]
    assert one.filename == __file__  # it points at the caller's line
