"""Argmax pool: the most trusted expert alone."""

import numpy as np

from moe_lab.pool.base import WeightedPooler, poolers


@poolers.register("argmax")
class ArgmaxPooler(WeightedPooler):
    """The prediction of the expert with the largest gate weight; of equals, the first.

    Sparse: for each row only that expert is asked.
    """

    sparse = True

    def weights(self, gate_weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        return np.eye(gate_weights.shape[1])[gate_weights.argmax(axis=1)]
