"""Linear pool: the weighted mean of the predictions."""

import numpy as np

from moe_lab.pool.base import WeightedPooler, poolers


@poolers.register("linear")
class LinearPooler(WeightedPooler):
    """Weighted mean by the gate: the linear opinion pool, the mean of the mixture density.

    An expert of weight 0 is not asked.
    """

    def weights(self, gate_weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        return gate_weights
