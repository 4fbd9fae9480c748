"""EM on degenerate data: the right answer, or a sentence that says what is wrong."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.registry import gates
from moe_lab.testing import example
from moe_lab.train import EM

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("error::RuntimeWarning"),
]


def table(n_samples=90, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_samples, 2)), columns=["x0", "x1"])
    return X.assign(group=rng.choice(["a", "b", "c"], n_samples))


def target(X, task):
    y = (X["x0"] + 2 * (X["group"] == "b")).to_numpy()
    y = y + 0.1 * np.random.default_rng(1).normal(size=len(y))
    return y if task == "regression" else np.where(y > 0.7, "high", "low")


def fit(gate, X, y, weight=None, n_experts=2, alpha=1.0):
    kind = MoERegressor if y.dtype.kind == "f" else MoEClassifier
    train = EM(n_init=2, max_iter=5 if gate in ("mlp", "shrunk_softmax") else 50)  # slow rounds
    gate = example(gates, gate)
    if "max_epochs" in gate.get_params():
        gate.set_params(max_epochs=20)
    moe = kind(LinearExpert(alpha), n_experts, gate=gate, train=train, random_state=0)
    return moe.fit(X, y, sample_weight=weight)


def assert_right(moe, X, y, error=0.5):
    """A finite answer, near y: the error is in standard deviations, or a fraction of rows."""
    predictions = moe.predict(X)
    assert np.isfinite(moe.score_samples(X, y)).all()
    assert_allclose(moe.gate_weights(X).sum(axis=1), 1)
    if y.dtype.kind == "f":
        assert np.sqrt(np.mean((predictions - y) ** 2)) < error * max(y.std(), 1e-6)
    else:
        assert np.mean(predictions != y) < error


each_gate = pytest.mark.parametrize("gate", gates.names())
each_task = pytest.mark.parametrize("task", ["regression", "classification"])


@each_task
@each_gate
def test_as_many_experts_as_distinct_rows_and_no_more(gate, task, recwarn):
    rows = pd.DataFrame({"x0": [-1.0, 0, 2], "x1": [0.0, 1, 1], "group": ["a", "b", "c"]})
    X = pd.concat([rows] * 20, ignore_index=True)
    y = np.tile(np.array([0.0, 1, 5]) if task == "regression" else np.array(["r", "s", "t"]), 20)
    with pytest.raises(ValueError, match="n_experts=5 and 3 distinct rows of X and y"):
        fit(gate, X, y, n_experts=5)
    moe = fit(gate, X, y, n_experts=3)
    if not any("at its floor" in str(warning.message) for warning in recwarn):
        assert_right(moe, X, y, error=0.1)
    assert np.isfinite(moe.score_samples(X, y)).all()


@each_gate
def test_a_constant_target(gate):
    X, y = table(), np.full(90, 7.0)
    moe = fit(gate, X, y)
    assert_allclose(moe.predict(table(seed=2)), 7, rtol=1e-9)
    assert np.isfinite(moe.score_samples(X, y)).all()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@each_task
@each_gate
def test_duplicated_columns(gate, task, alpha):
    X = table()
    X = X.assign(again=X["x0"], twice=2 * X["x1"], same="a")
    y = target(X, task)
    assert_right(fit(gate, X, y, alpha=alpha), X, y, error=0.4)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@each_gate
def test_separable_classes(gate, alpha):
    X = table()
    y = np.where(X["x0"] > 0, "up", "down")
    moe = fit(gate, X, y, alpha=alpha)
    assert_right(moe, X, y, error=0.05)
    # Far out: certain, yet finite. EM asks the shrunk gate out of fold, so that its experts are not
    # exactly those of the gate; both go on linearly. A network bends where it has seen no rows, and
    # what lies far out is the wider Gaussian's, whatever its sign.
    far = {"shrunk_softmax": 0.2, "mlp": 0.3, "gaussian": 0.6}.get(gate, 0.05)
    assert_right(moe, X * [100, 100, 1], y, error=far)


@pytest.mark.parametrize("light", [0.0, 1.0])
@each_task
@each_gate
def test_weights_of_zero_and_a_trillion(gate, task, light):
    X = table()
    y, heavy = target(X, task), np.arange(90) % 2 == 0
    y[~heavy] = y[~heavy][::-1]  # what weighs nothing, or next to it, may be wrong
    weight = np.where(heavy, 1e12, light)
    weight[1] = 0.0
    moe = fit(gate, X, y, weight)
    assert_right(moe, X[heavy], y[heavy], error=0.4)


@each_task
@each_gate
def test_a_level_that_was_never_seen(gate, task):
    X = table()
    moe = fit(gate, X, target(X, task))
    new = X[:2].assign(group=["z", None])
    weights = moe.gate_weights(new)
    assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()
    known = moe.predict(X)
    predicted = moe.predict(new)
    if task == "regression":
        assert (known.min() - 2 < predicted).all()
        assert (predicted < known.max() + 2).all()
    else:
        assert set(predicted) <= {"high", "low"}
