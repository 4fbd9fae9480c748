"""What a pooler may have beyond ``needs`` and ``pool``; ask with ``has_power``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from moe_lab.pool.terms import Terms


class CountsVotes(Protocol):
    """Counts votes: probabilities on which all experts agree become 0 and 1."""

    counts_votes: bool


class Learns(Protocol):
    """Is fitted out of fold, after the gate, by ``fit(predictions, gate_weights, y, *, X,
    sample_weight=None, random_state=None)``, predictions of shape (n_samples, n_experts,
    n_outputs), which returns itself; unfitted it is its plain pool. Its ``pool`` takes the table,
    ``pool(predictions, gate_weights, scales=None, X=None)``."""

    learns: bool


class IsAnchored(Protocol):
    """Lets a trainer set its parameter ``anchor``: (beta, bias) of a stack, which holds where the
    gate's weights do not vary."""

    anchored: bool


class HasTerms(Protocol):
    """Says whose word added how much to an answer; default: `trust` raises."""

    def terms(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: Any = None, X: Any = None
    ) -> Terms:
        """Return the parts whose sum is the pooled answer, or its log up to a constant."""
