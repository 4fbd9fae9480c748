"""What out-of-fold predictions say of experts and pool, for the mixture's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.likelihood.arrays import vary
from moe_lab.likelihood.outcome import row_losses
from moe_lab.pool.powers import HasTerms, Learns
from moe_lab.registry.powers import has_power
from moe_lab.train.base import Account

if TYPE_CHECKING:
    from moe_lab.table.data import TrainingData


def account_of(
    data: TrainingData,
    predictions: np.ndarray,
    gate_weights: np.ndarray,
    constant: np.ndarray,
    pool: Any,
) -> Account:
    """Return mean weights and losses.

    Parameters
    ----------
    data : TrainingData
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        Out of fold; NaN for an expert that was not held out.
    gate_weights : ndarray of shape (n_samples, n_experts)
    constant : ndarray of shape (n_samples, n_outputs)
        What constant weights answer.
    pool : fitted Pooler
    """
    told = ~np.isnan(predictions).any(axis=(0, 2))
    losses = np.full(len(told), np.nan)
    losses[told] = [_loss(data, predictions[:, k]) for k in np.flatnonzero(told)]
    return Account(
        weights=np.average(gate_weights, axis=0, weights=data.sample_weight),
        losses=losses,
        equal=_loss(data, predictions[:, told].mean(axis=1)),
        constant=_loss(data, constant),
        varies=vary(gate_weights),
        seconds=np.full(len(told), np.nan),
        correction=_share(data, predictions, gate_weights, pool),
    )


def _loss(data, answer):
    losses = row_losses(answer, data.y, data.n_classes)
    mean = float(np.average(losses, weights=data.sample_weight))
    return np.sqrt(mean) if data.n_classes is None else mean


def _share(data, predictions, gate_weights, pool):
    if not (has_power(pool, Learns) and has_power(pool, HasTerms)):
        return 0.0
    terms = pool.terms(predictions, gate_weights, X=data.for_(pool))  # type: ignore[attr-defined]
    added, score = terms.correction, terms.score()
    if terms.logs:  # only differences between classes count
        added, score = (part - part.mean(axis=1, keepdims=True) for part in (added, score))
    return float(added.std() / max(score.std(), np.finfo(float).tiny))
