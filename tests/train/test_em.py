"""EM: the log-likelihood climbs, and finds what clustering cannot."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.tree import DecisionTreeRegressor

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.divide.base import Divider
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.likelihood.e_step import e_step
from moe_lab.train import EM


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


EXACT = {
    "softmax": SoftmaxGate(C=1.0),
    "unregularised": SoftmaxGate(C=np.inf),
    "gaussian": "gaussian",
    "constant": "constant",
    "column": ("column", {"column": "side"}),
    "rules": ("rules", {"rules": ["x < 0.2"]}),
    "hierarchical": "hierarchical",
}


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("e_step", ["soft", "hard"])
@pytest.mark.parametrize("gate", EXACT)
def test_the_objective_never_drops(crossing, gate, e_step, task):
    X = pd.DataFrame({"x": crossing[0][:, 0], "side": np.where(crossing[0][:, 0] < 0, "l", "r")})
    y = crossing[1] if task == "regression" else (crossing[1] > 0.3).astype(int)
    em = EM(n_init=1, max_iter=30, tol=1e-12, e_step=e_step, quasi_newton=False)
    mixture = MoERegressor if task == "regression" else MoEClassifier
    moe = mixture("linear", n_experts=3, gate=EXACT[gate], train=em, random_state=1)
    objective = moe.fit(X, y).history_["objective"]
    assert len(objective) > 3
    assert (np.diff(objective) > -1e-7).all()


def test_unpenalised_the_objective_is_the_log_likelihood(crossing):
    moe = unregularised().fit(*crossing)
    history = moe.history_
    assert_allclose(history["objective"], history["log_likelihood"], atol=1e-9)
    assert history["log_likelihood"].iloc[-1] == pytest.approx(moe.log_likelihood(*crossing))


def test_a_gaussian_gate_climbs_the_joint_likelihood(crossing):
    X, y = crossing
    moe = MoERegressor("linear", 2, gate="gaussian", train=EM(n_init=1), random_state=0).fit(X, y)
    joint = moe.log_likelihood(X, y) + moe.gate_.log_density(moe.gate_.features(X)).sum()
    penalties = moe.gate_.log_prior_ + sum(e.model_.log_prior_ for e in moe.experts_)
    assert moe.history_["objective"].iloc[-1] == pytest.approx(joint + penalties)


def test_a_quasi_newton_end_ends_the_slow_tail(crossing):
    slow = unregularised(n_init=1, quasi_newton=False, max_iter=2000, tol=1e-12).fit(*crossing)
    fast = unregularised(n_init=1).fit(*crossing)
    assert fast.history_["step"].iloc[-1] == "quasi_newton"
    assert len(fast.history_) < len(slow.history_)
    assert fast.log_likelihood(*crossing) >= slow.log_likelihood(*crossing) - 1e-6


def test_many_draws_of_a_stochastic_e_step_are_em(crossing):
    settings = {"n_init": 1, "max_iter": 25, "tol": 1e-12, "quasi_newton": False}
    em = unregularised(**settings).fit(*crossing)
    sem = unregularised(**settings, e_step="stochastic", n_draws=100_000).fit(*crossing)
    assert_allclose(sem.log_likelihood(*crossing), em.log_likelihood(*crossing), atol=0.1)
    assert_allclose(sem.predict(crossing[0]), em.predict(crossing[0]), atol=0.02)


def test_single_draws_are_random_and_the_best_round_is_kept(crossing):
    moe = unregularised(n_init=1, max_iter=25, e_step="stochastic").fit(*crossing)
    reached = moe.history_["log_likelihood"]
    assert (np.diff(reached) < 0).any()
    assert moe.log_likelihood(*crossing) == pytest.approx(reached.max())


def test_inexact_gates_are_asked_out_of_fold_and_the_best_round_is_kept(crossing):
    em = EM(n_init=1, max_iter=4)
    moe = MoERegressor("linear", n_experts=2, gate="tree", train=em, random_state=0).fit(*crossing)
    assert moe.starts_["log_likelihood"].iloc[0] == moe.history_["log_likelihood"].max()


def test_every_start_is_kept_and_the_best_is_continued(crossing):
    moe = unregularised(n_init=6).fit(*crossing)
    assert len(moe.starts_) == moe.history_["start"].nunique() == 6
    chosen = moe.history_["start"].iloc[-1]
    assert moe.starts_["log_likelihood"].idxmax() == chosen
    assert moe.starts_["log_likelihood"].max() == pytest.approx(moe.log_likelihood(*crossing))


def test_no_round_is_made_twice_and_none_beyond_max_iter(crossing):
    stumps = DecisionTreeRegressor(max_depth=2)
    moe = MoERegressor(stumps, n_experts=3, divide="linear_em", train="em", random_state=0)
    history = moe.fit(*crossing).history_
    assert not history.duplicated("log_likelihood").any()
    sem = EM(max_iter=25, n_init=1, e_step="stochastic")
    for seed in range(3):
        moe = MoERegressor("linear", n_experts=2, train=sem, random_state=seed)
        assert len(moe.fit(*crossing).history_) == 25


def test_a_column_may_be_called_target():
    X = pd.DataFrame({"target": np.linspace(-1, 1, 60)})
    moe = MoEClassifier("linear", n_experts=3, train=EM(n_init=1), random_state=0)
    assert moe.fit(X, X["target"] > 0).score(X, X["target"] > 0) > 0.9


def test_effective_sample_sizes_are_those_of_the_responsibilities(crossing):
    moe = unregularised().fit(*crossing)
    responsibilities = moe.responsibilities(*crossing)
    sizes = responsibilities.sum(axis=0) ** 2 / (responsibilities**2).sum(axis=0)
    recorded = moe.history_.filter(like="effective_size").iloc[-1]
    assert_allclose(recorded, sizes, rtol=1e-6)


def test_a_noise_scale_at_its_floor_is_reported():
    X = np.linspace(-1, 1, 60)[:, None]
    with pytest.warns(ConvergenceWarning, match="at its floor"):
        moe = MoERegressor("linear", n_experts=1, train="em").fit(X, 2 * X[:, 0])
    assert moe.scales_[0] == pytest.approx(1e-3 * np.std(2 * X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"e_step": "firm"}, "e_step must be one of soft, hard, stochastic, got 'firm'"),
        ({"n_init": 0}, "n_init must be a whole number, 1 or more, got n_init=0"),
        ({"max_iter": 2.5}, "max_iter must be a whole number, 1 or more, got max_iter=2.5"),
        ({"tol": -1.0}, "tol must be at least 0"),
    ],
)
def test_wrong_settings(crossing, params, message):
    with pytest.raises(ValueError, match=message):
        MoERegressor("linear", n_experts=2, train=EM(**params)).fit(*crossing)


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
    assert moe.expert_names_ == ["linear"] * 2
    assert moe.gate_weights(crossing[0]).shape == (400, 2)


def test_experts_that_die_in_the_quasi_newton_end_are_dropped_too():
    rng = np.random.default_rng(9)
    X = rng.normal(size=(300, 2))
    y = np.where(X[:, 0] > 0, 3 * X[:, 1] + 1, -2 * X[:, 1] - 1) + rng.normal(0, 0.3, 300)
    moe = MoERegressor("linear", n_experts=5, train=EM(n_init=1), random_state=0)
    with pytest.warns(ConvergenceWarning, match="of 5 experts lost all their rows"):
        moe.fit(X, y)
    assert "quasi_newton" in set(moe.history_["step"][:-1])
    assert (moe.gate_weights(X).sum(axis=0) > 1).all()


def test_one_expert_is_the_bare_expert(crossing):
    X, y = crossing
    bare = LinearExpert().build("regression").fit(X, y)
    moe = MoERegressor("linear", n_experts=1, train="em", random_state=0).fit(X, y)
    assert moe.predict(X) == pytest.approx(bare.predict(X))
    assert moe.score_samples(X, y) == pytest.approx(bare.log_prob(X, y))
