"""The softmax gate's C, as EM's held-out rows choose it."""

import numpy as np
import pytest

from moe_lab import MoERegressor
from moe_lab.gate import SoftmaxGate
from moe_lab.train import EM
from moe_lab.train.em import rounds

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def border(n_samples, *, hard, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 3))
    score = X[:, 0] + 0.7 * X[:, 1]
    noise = 0.0 if hard else rng.logistic(size=n_samples)
    first = score + noise > 0
    means = np.where(first, 1 + 2 * X[:, 0] - X[:, 1], -1 - X[:, 0] + 2 * X[:, 1])
    return X, means + 0.2 * rng.normal(size=n_samples)


def held_out(X, y, n_train, gate):
    moe = MoERegressor("linear", 2, gate=gate, train=EM(n_init=3), random_state=0)
    moe.fit(X[:n_train], y[:n_train])
    return np.sqrt(np.mean((moe.predict(X[n_train:]) - y[n_train:]) ** 2)), moe


@pytest.mark.parametrize("n_train", [500, 2000])
def test_a_hard_border_gets_a_gate_that_sharpens_with_the_rows(n_train):
    X, y = border(n_train + 1000, hard=True)
    blurred, _ = held_out(X, y, n_train, SoftmaxGate(C=1.0))
    error, moe = held_out(X, y, n_train, "auto")
    assert error < 0.8 * blurred
    assert moe.gate_.C_ / n_train == pytest.approx(1 / 3)
    history = moe.history_
    climb = history["objective"][history["start"] == history["start"].iloc[-1]]
    assert (np.diff(climb) > -1e-6).all()


def test_a_soft_border_is_left_as_it_is():
    X, y = border(1500, hard=False)
    default, _ = held_out(X, y, 500, SoftmaxGate(C=1.0))
    error, _ = held_out(X, y, 500, "auto")
    assert error == pytest.approx(default, rel=0.005)


def test_where_nothing_can_be_held_out_C_is_one():
    X, y = border(80, hard=True)
    moe = MoERegressor("linear", 2, train=EM(n_init=1), random_state=0).fit(X, y)
    assert moe.gate_.C_ > 0.99
    assert SoftmaxGate().fit(X, np.eye(2)[np.arange(80) % 2]).C_ == 1.0


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_choice_does_not_depend_on_the_unit_of_y(unit):
    X, y = border(600, hard=True)
    _, one = held_out(X, y, 500, "auto")
    _, other = held_out(X, unit * y, 500, "auto")
    assert one.gate_.C_ == other.gate_.C_


def test_the_fits_that_choose_repeat_no_warning(monkeypatch):
    monkeypatch.setattr(rounds, "LEAST_ROUND", 0.0)
    monkeypatch.setattr(rounds, "LONG", 0.0)
    X, y = border(500, hard=True)
    with pytest.warns(UserWarning, match="This fit may take") as told:
        held_out(X, y, 400, "auto")
    assert len([one for one in told if "This fit may take" in str(one.message)]) == 1
