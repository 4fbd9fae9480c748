"""The laws of gates."""

import pickle

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose
from sklearn.base import clone

from moe_lab.gate.base import Gate, ask_gate
from moe_lab.gate.powers import FitsPooled
from moe_lab.registry.powers import has_power
from moe_lab.testing.examples import example_table, example_target
from moe_lab.testing.saving import assert_same, loaded_again

SURE = np.array([[0.9, 0.1], [0.1, 0.9]])  # what the first and the second of two experts say


def _soft_targets(X, n_experts=3):
    scores = np.outer(X["x0"], np.arange(n_experts))
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def check_gate_gives_weights(gate: Gate) -> None:
    """One row of weights a sample: non-negative, summing to 1, equal to exp(log_proba)."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    weights = gate.predict_proba(X)
    assert weights.shape == (len(X), 3)
    assert (weights >= 0).all()
    assert_allclose(weights.sum(axis=1), 1)
    assert_allclose(np.exp(gate.log_proba(X)), weights, atol=1e-12)


def check_gate_ignores_batch_mates(gate: Gate) -> None:
    """A sample's weights do not depend on the rows beside it."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    alone = np.vstack([gate.predict_proba(X.iloc[[i]]) for i in range(min(5, len(X)))])
    assert_allclose(alone, gate.predict_proba(X)[:5], rtol=1e-6)


def check_gate_recovers_constant_responsibilities(gate: Gate) -> None:
    """Where the input tells nothing, the weights are the mean responsibilities."""
    X = example_table(240)
    everywhere = np.tile([0.7, 0.2, 0.1], (len(X), 1))
    assert_allclose(clone(gate).fit(X, everywhere).predict_proba(X), everywhere, atol=0.02)


def check_gate_heeds_sample_weight(gate: Gate) -> None:
    """Rows that weigh more are believed more."""
    half = example_table(100)
    X = pd.concat([half, half], ignore_index=True)
    responsibilities = np.repeat([[1.0, 0.0], [0.0, 1.0]], len(half), axis=0)
    weight = np.repeat([1.0, 0.1], len(half))
    first = clone(gate).fit(X, responsibilities, sample_weight=weight).predict_proba(half)[:, 0]
    assert_allclose(first.mean(), 1 / 1.1, atol=0.05)


def check_gate_heeds_sample_weight_in_the_pooled_loss(gate: Gate) -> None:
    """Fitted to the pooled loss of contradictory halves, it trusts who is right about the heavier
    one."""
    if not has_power(gate, FitsPooled):
        return
    half = example_table(100)
    X = pd.concat([half, half], ignore_index=True)
    weight, second = np.repeat([1.0, 0.1], len(half)), np.repeat([0, 1], len(half))
    for loss, said in (("squared_error", np.array([[0.0], [1.0]])), ("log_loss", SURE)):
        y = second.astype(float) if loss == "squared_error" else second
        predictions = np.tile(said, (len(X), 1, 1))
        trust = [
            ask_gate(
                clone(gate).fit_pooled(X, predictions, y, loss, sample_weight=weights),
                X,
                predictions,
            ).mean(axis=0)
            for weights in (weight, weight[::-1])
        ]
        assert trust[0][0] > 0.6
        assert trust[1][1] > 0.6


def check_gate_pools_better_than_uniform(gate: Gate) -> None:
    """Fitted to the pooled loss, it does no worse than equal weights on the rows it was fitted
    to."""
    if not has_power(gate, FitsPooled):
        return
    X = example_table(240)
    y = example_target(X, "regression")
    predictions = np.column_stack([y + 0.1, np.zeros(len(X)), -y])[:, :, None]
    fitted = clone(gate).fit_pooled(X, predictions, y, "squared_error")
    weights = ask_gate(fitted, X, predictions)
    error = np.mean((np.sum(weights * predictions[:, :, 0], axis=1) - y) ** 2)
    assert error < 0.5 * np.mean((predictions[:, :, 0].mean(axis=1) - y) ** 2)


def check_gate_pickles(gate: Gate) -> None:
    """A fitted gate weights alike after a round trip through pickle."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    assert_allclose(pickle.loads(pickle.dumps(gate)).predict_proba(X), gate.predict_proba(X))


def check_gate_saves(gate: Gate) -> None:
    """A fitted gate weights alike after it was saved and loaded, to 1e-12."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    assert_same(*(one.predict_proba(X) for one in (gate, loaded_again(gate))))


GATE_CHECKS = [
    check_gate_gives_weights,
    check_gate_ignores_batch_mates,
    check_gate_recovers_constant_responsibilities,
    check_gate_heeds_sample_weight,
    check_gate_heeds_sample_weight_in_the_pooled_loss,
    check_gate_pools_better_than_uniform,
    check_gate_pickles,
    check_gate_saves,
]
