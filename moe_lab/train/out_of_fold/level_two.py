"""What is fitted to out-of-fold predictions: the stack, the gate that starts there, the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from moe_lab.experts.powers import Parametric
from moe_lab.gate.powers import IsAnchored
from moe_lab.likelihood.stacks import LinearStack, LogLinearStack
from moe_lab.pool.powers import HasTerms, Learns
from moe_lab.pool.powers import IsAnchored as HasAnchor
from moe_lab.registry.powers import has_power

if TYPE_CHECKING:
    from moe_lab.gate.base import Gate
    from moe_lab.pool.base import Pooler
    from moe_lab.table.data import TrainingData
    from moe_lab.train.out_of_fold.report import Report

PLAIN_SHARE = 0.2  # of what the residual stacker leaves: where the anchor trusts no stacker
RESIDUAL_SHARE = {"regression": 0.5, "classification": 1.0}


def fit_stack(
    gate: Gate, pool: Pooler, data: TrainingData, predictions: np.ndarray, report: Report
) -> LinearStack | LogLinearStack | None:
    """Fit constant weights of the experts, where gate and pool start there.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        Out of fold.
    """
    if not (has_power(pool, Learns) and has_power(gate, IsAnchored)) or gate.anchor is not None:
        return None
    stack = LinearStack() if data.task == "regression" else LogLinearStack()
    with report.step("stack", type(stack).__name__, fits=1):
        return stack.fit(data.X, data.y, data.sample_weight, predictions=predictions)


def fit_gate(
    gate: Gate, data: TrainingData, predictions: np.ndarray, stackers: list, stack: Any
) -> Gate:
    """Fit the gate to the pooled loss; an anchored one starts at the stack's weights."""
    gate = clone(gate)
    if has_power(gate, IsAnchored) and gate.anchor is None:
        anchor = _anchor(predictions.shape[1] - len(stackers), stackers, data.task)
        gate.set_params(anchor=anchor if stack is None else _shares(stack.weights_))
    loss = "squared_error" if data.task == "regression" else "log_loss"
    gate.fit_pooled(data.for_(gate), predictions, data.y, loss, sample_weight=data.sample_weight)
    return gate


def fit_pool(
    pool: Pooler,
    data: TrainingData,
    predictions: np.ndarray,
    gate_weights: np.ndarray,
    stack: Any,
    random_state: int,
    report: Report,
) -> Pooler:
    """Return the pool, of its own; one that learns is fitted to what the gate trusts."""
    learner: Any = clone(pool)
    if not has_power(pool, Learns):
        return learner
    if stack is not None and has_power(pool, HasAnchor) and learner.anchor is None:
        learner.set_params(anchor=(stack.weights_.sum(), stack.bias_))
    weight: dict = {"sample_weight": data.sample_weight, "random_state": random_state}
    with report.step("pool", type(pool).__name__, fits=1):
        return learner.fit(predictions, gate_weights, data.y, X=data.for_(pool), **weight)


def answer_held_out(
    pool: Any,
    gate: Any,
    data: TrainingData,
    predictions: np.ndarray,
    gate_weights: np.ndarray,
    stackers: list,
    stack: Any,
) -> np.ndarray:
    """Return what held-out rows are scored by, (n_samples, n_outputs): nothing that has trees which
    have seen them."""
    if stack is not None:
        return stack.answer(predictions)
    learns = has_power(pool, Learns)
    if learns and has_power(pool, HasTerms):
        return pool.terms(predictions, gate_weights, X=data.for_(pool)).answer(corrected=False)
    honest = ~np.isnan(predictions).any(axis=(0, 2))
    if has_power(gate, IsAnchored):
        constant = _of_stackers(stackers, len(honest)) if stackers else gate.anchor_  # type: ignore[attr-defined]
        gate_weights = np.broadcast_to(constant, gate_weights.shape)
    return np.einsum("nk,nko->no", gate_weights[:, honest], predictions[:, honest])


def _shares(weights):
    """Return weights that sum to 1, equal ones where all are 0."""
    return weights / weights.sum() if weights.any() else np.full(len(weights), 1 / len(weights))


def _anchor(n_plain, stackers, task):
    """Return the weights at which an anchored gate starts, (n_experts,), or None for its own.

    The boosted residual has a fixed share; `stacker` and its kind the most of the rest.
    """
    if not stackers:
        return None
    flexible = ~_parametric(stackers)
    share = RESIDUAL_SHARE[task] if flexible.any() else 0.0
    plain_share = PLAIN_SHARE if not flexible.all() else 1.0
    anchor = np.full(n_plain + len(stackers), (1 - share) * plain_share / n_plain)
    of_stackers = anchor[n_plain:]
    of_stackers[flexible] = share / max(flexible.sum(), 1)
    of_stackers[~flexible] = (1 - share) * (1 - plain_share) / max((~flexible).sum(), 1)
    return anchor


def _of_stackers(stackers, n_experts):
    """Return equal weights for the stackers that were scored in sample, (n_experts,); where there
    are none, for the plain experts."""
    n_plain = n_experts - len(stackers)
    chosen = np.append(np.zeros(n_plain, dtype=bool), _parametric(stackers))
    if not chosen.any():
        chosen = np.arange(n_experts) < n_plain
    return chosen / chosen.sum()


def _parametric(stackers):
    return np.array([has_power(stacker, Parametric) for stacker in stackers], dtype=bool)
