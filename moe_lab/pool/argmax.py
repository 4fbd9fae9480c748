"""Argmax pool: the most trusted expert alone."""

import numpy as np

from moe_lab.pool.base import Pooler, poolers


@poolers.register("argmax")
class ArgmaxPooler(Pooler):
    """The prediction of the expert with the largest gate weight; of equals, the first.

    Sparse: for each row only that expert is asked.
    """

    def needs(self, gate_weights):
        best = gate_weights.argmax(axis=1)
        return np.arange(gate_weights.shape[1]) == best[:, None]

    def pool(self, predictions, gate_weights, scales=None):
        return predictions[np.arange(len(predictions)), gate_weights.argmax(axis=1)]
