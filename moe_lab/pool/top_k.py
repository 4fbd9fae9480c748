"""Top-k pool: the weighted mean of the k most trusted experts."""

import numpy as np

from moe_lab.pool.base import WeightedPooler, poolers


@poolers.register("top_k")
class TopKPooler(WeightedPooler):
    """Weighted mean of the k experts with the largest gate weights, which are scaled to sum to 1.

    Sparse: for each row at most k experts are asked. Of equal weights, the first experts count.

    Parameters
    ----------
    k : int, default=2
        At most n_experts; where training drops experts, at most those that are left.
    """

    sparse = True

    def __init__(self, k: int = 2):
        self.k = k

    def left(self, n_experts: int) -> WeightedPooler:
        return TopKPooler(min(self.k, n_experts))

    def weights(self, gate_weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        n_experts = gate_weights.shape[1]
        if not 1 <= self.k <= n_experts:
            raise ValueError(
                f"k must be from 1 to n_experts, got k={self.k} and n_experts={n_experts}. "
                f"Use ('top_k', {{'k': {min(2, n_experts)}}}), or 'linear' to ask every expert."
            )
        order = np.argsort(-gate_weights, axis=1, kind="stable")
        weights, best = np.zeros(gate_weights.shape), order[:, : self.k]
        np.put_along_axis(weights, best, np.take_along_axis(gate_weights, best, axis=1), axis=1)
        return weights / weights.sum(axis=1, keepdims=True)
