"""Linear pool: the weighted mean of the predictions."""

import numpy as np

from moe_lab.pool.base import Pooler, poolers


@poolers.register("linear")
class LinearPooler(Pooler):
    """Weighted mean by the gate: the linear opinion pool, the mean of the mixture density.

    An expert of weight 0 is not asked.
    """

    def needs(self, gate_weights):
        return gate_weights > 0

    def pool(self, predictions, gate_weights, scales=None):
        read = np.where(self.needs(gate_weights)[:, :, None], predictions, 0.0)
        return np.einsum("ne,neo->no", gate_weights, read)
