"""Ctrl-C: what training has reached is kept, and said."""

import signal

import numpy as np
import pytest
from lightgbm import Booster
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.nn.tables.descent_run import Run
from moe_lab.train.boosting.lockstep import Lockstep
from moe_lab.train.em import quasi_newton, sharpness
from moe_lab.train.em.steps import EMSteps

pytestmark = pytest.mark.usefixtures("interruptible")


def press_ctrl_c(monkeypatch, place, name, number):
    """Let the interrupt come in the call of that number."""
    whole, calls = getattr(place, name), []

    def pressed(*args, **kwargs):
        calls.append(None)
        if len(calls) == number:
            signal.raise_signal(signal.SIGINT)
        return whole(*args, **kwargs)

    monkeypatch.setattr(place, name, pressed)


def two_lines(n_samples=200):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(n_samples, 1))
    return X, np.abs(X[:, 0]) + rng.normal(0, 0.1, n_samples)


def mixture(experts="linear", **settings):
    train = ("em", {"n_init": 2, "quasi_newton": False} | settings)
    return MoERegressor(experts, n_experts=2, train=train, random_state=0, verbose=1)


def test_an_interrupted_start_is_as_if_it_had_so_many_rounds(monkeypatch):
    X, y = two_lines()
    expected = mixture(n_init=1, max_iter=3, tol=0).set_params(verbose=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        expected.fit(X, y)
    press_ctrl_c(monkeypatch, EMSteps, "m_step", 4)
    with pytest.warns(
        ConvergenceWarning, match="interrupted after 3 rounds. The best so far"
    ) as said:
        moe = mixture(n_init=1, tol=0).fit(X, y)
    assert len(said) == 1
    assert len(moe.history_) == 3
    assert_allclose(moe.predict(X), expected.predict(X))


def test_without_a_bar_the_interrupt_goes_on_and_the_mixture_is_fitted(monkeypatch):
    X, y = two_lines()
    press_ctrl_c(monkeypatch, EMSteps, "m_step", 4)
    moe = mixture().set_params(verbose=0)
    with pytest.raises(KeyboardInterrupt, match="interrupted after 3 rounds.*is fitted"):
        moe.fit(X, y)
    reached = moe.history_["log_likelihood"].iloc[-1]
    assert_allclose(moe.log_likelihood(X, y), reached)


def test_before_the_first_round_there_is_nothing_to_keep(monkeypatch):
    X, y = two_lines()
    press_ctrl_c(monkeypatch, EMSteps, "m_step", 1)
    moe = mixture()
    with pytest.raises(KeyboardInterrupt):
        moe.fit(X, y)
    with pytest.raises(NotFittedError):
        moe.predict(X)


PLACES = [
    ("first round of the second start", EMSteps, "m_step", 11),
    ("a later round of the second start", EMSteps, "e_step", 14),
    ("the quasi-Newton rounds", quasi_newton, "_climbed", 8),
]


@pytest.mark.parametrize(("where", "place", "name", "number"), PLACES, ids=[p[0] for p in PLACES])
def test_the_best_so_far_is_kept_wherever_it_comes(monkeypatch, where, place, name, number):
    X, y = two_lines()
    press_ctrl_c(monkeypatch, place, name, number)
    with pytest.warns(ConvergenceWarning, match="EM was interrupted after"):
        moe = mixture(quasi_newton=True, tol=1e-12).fit(X, y)
    best = moe.history_["objective"].max()
    steps = moe.history_[moe.history_["objective"] == best]
    assert_allclose(moe.log_likelihood(X, y), steps["log_likelihood"].iloc[0])


def test_flexible_experts_are_refitted_to_the_best_round(monkeypatch):
    X, y = two_lines(90)
    press_ctrl_c(monkeypatch, EMSteps, "m_step", 3)
    with pytest.warns(ConvergenceWarning, match="interrupted after 2 rounds"):
        moe = mixture("k_nearest").fit(X, y)
    assert np.isfinite(moe.predict(X)).all()


def test_a_softmax_gate_that_is_being_sharpened_stays_modest(monkeypatch):
    X, y = two_lines(400)
    modest = mixture(n_init=1)
    press_ctrl_c(monkeypatch, sharpness, "_losses", 2)
    with pytest.warns(ConvergenceWarning, match="EM was interrupted"):
        moe = modest.fit(X, y)
    assert_allclose(moe.gate_.C_, 1.0, rtol=1e-3)


def test_classes_are_kept_too(monkeypatch):
    X, y = two_lines()
    press_ctrl_c(monkeypatch, EMSteps, "m_step", 3)
    moe = MoEClassifier("linear", n_experts=2, train="em", random_state=0, verbose=1)
    with pytest.warns(ConvergenceWarning, match="interrupted after 2 rounds"):
        moe.fit(X, y > 0.5)
    assert_allclose(moe.predict_proba(X).sum(axis=1), 1)


def test_an_inner_mixture_hands_the_interrupt_to_the_outer_one(monkeypatch):
    X, y = two_lines(60)
    inner = MoERegressor("linear", n_experts=2, train=("em", {"n_init": 1}), random_state=0)
    press_ctrl_c(monkeypatch, EMSteps, "m_step", 100)
    outer = MoERegressor([inner, "linear"], train="em", random_state=0, verbose=1)
    with pytest.warns(ConvergenceWarning, match=r"interrupted after \d rounds") as said:
        outer.fit(X, y)
    assert len([one for one in said if "interrupted" in str(one.message)]) == 1
    assert np.isfinite(outer.predict(X)).all()


def networks(**settings):
    train = ("gradient", {"max_epochs": 8, "divide_epochs": 2})
    return MoERegressor("mlp", n_experts=2, train=train, random_state=0, **settings)


def test_interrupted_networks_keep_their_best_weights(monkeypatch):
    X, y = two_lines(60)
    press_ctrl_c(monkeypatch, Run, "_descend", 4)
    with pytest.warns(ConvergenceWarning, match="interrupted in epoch 4 of 8. The best so far"):
        moe = networks(verbose=1).fit(X, y)
    assert len(moe.history_) == 3
    monkeypatch.undo()
    press_ctrl_c(monkeypatch, Run, "_descend", 4)
    silent = networks()
    with pytest.raises(KeyboardInterrupt, match="interrupted in epoch 4 of 8"):
        silent.fit(X, y)
    assert_allclose(silent.predict(X), moe.predict(X))


def test_networks_that_only_started_are_not_fitted(monkeypatch):
    X, y = two_lines(60)
    press_ctrl_c(monkeypatch, Run, "_descend", 2)
    moe = networks(divide="kmeans", verbose=1)
    with pytest.raises(KeyboardInterrupt):
        moe.fit(X, y)
    with pytest.raises(NotFittedError):
        moe.predict(X)


def trees(task):
    X, y = two_lines(200)
    y = y * (1 + 5 * (X[:, 0] > 0)) if task == "regression" else y > 0.5
    kind = MoERegressor if task == "regression" else MoEClassifier
    moe = kind("lightgbm", n_experts=2, train="boosting", random_state=0, verbose=1)
    return moe, X, y


TASKS = ["regression", "classification"]
GROWTHS = {"trunk": (Booster, "eval_valid", 20), "gate": (Lockstep, "watched_log_likelihood", 20)}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("growing", GROWTHS)
def test_interrupted_trees_are_kept(monkeypatch, task, growing):
    moe, X, y = trees(task)
    press_ctrl_c(monkeypatch, *GROWTHS[growing])
    with pytest.warns(
        ConvergenceWarning, match="Boosting was interrupted. The best so far"
    ) as said:
        moe.fit(X, y)
    assert len(said) == 1
    assert moe.n_experts_ == 1 or growing == "gate"
    assert np.isfinite(moe.predict(X)).all()
    assert np.isfinite(moe.log_likelihood(X, y))


def test_trees_interrupted_at_their_last_growth_are_fewer(monkeypatch):
    moe, X, y = trees("regression")
    whole, calls = Lockstep.grow, []

    def grow(self):
        if not hasattr(self, "watched"):  # on all rows
            calls.append(None)
            if len(calls) == 5:
                signal.raise_signal(signal.SIGINT)
        whole(self)

    monkeypatch.setattr(Lockstep, "grow", grow)
    with pytest.warns(ConvergenceWarning, match="Boosting was interrupted"):
        moe.fit(X, y)
    assert moe.n_experts_ == 2
    assert len(moe.history_) == 5
    assert moe.history_["log_likelihood"].is_monotonic_increasing


def test_trees_that_have_not_grown_are_not_fitted(monkeypatch):
    moe, X, y = trees("regression")
    press_ctrl_c(monkeypatch, Booster, "update", 1)
    with pytest.raises(KeyboardInterrupt):
        moe.fit(X, y)
    with pytest.raises(NotFittedError):
        moe.predict(X)
