"""Top-k pool: the weighted mean of the k most trusted experts."""

import numpy as np

from moe_lab.pool.base import Pooler, poolers


@poolers.register("top_k")
class TopKPooler(Pooler):
    """Weighted mean of the k experts with the largest gate weights, which are scaled to sum to 1.

    Sparse: for each row at most k experts are asked. Of equal weights, the first experts count.

    Parameters
    ----------
    k : int, default=2
        At most n_experts.
    """

    def __init__(self, k=2):
        self.k = k

    def needs(self, gate_weights):
        n_experts = gate_weights.shape[1]
        if not 1 <= self.k <= n_experts:
            raise ValueError(
                f"k must be from 1 to n_experts, got k={self.k} and n_experts={n_experts}. "
                f"Use ('top_k', {{'k': {min(2, n_experts)}}}), or 'linear' to ask every expert."
            )
        order = np.argsort(-gate_weights, axis=1, kind="stable")
        chosen = np.zeros(gate_weights.shape, dtype=bool)
        np.put_along_axis(chosen, order[:, : self.k], True, axis=1)
        return chosen & (gate_weights > 0)

    def pool(self, predictions, gate_weights, scales=None):
        needed = self.needs(gate_weights)
        weights = np.where(needed, gate_weights, 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.einsum("ne,neo->no", weights, np.where(needed[:, :, None], predictions, 0.0))
