"""Median: the middle prediction, weighted by the gate."""

import numpy as np

from moe_lab.pool.base import Pooler, poolers

TIE = 1e-9  # shares of weight that differ by less are equal


@poolers.register("median")
class MedianPooler(Pooler):
    """Gate-weighted median: one wild expert with less than half of the weight cannot move it far.

    Where half of the weight lies exactly on either side, the middle of the two predictions.
    """

    tasks = ("regression",)

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        return gate_weights > 0

    def pool(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None = None
    ) -> np.ndarray:
        values = np.where(self.needs(gate_weights), predictions[:, :, 0], np.inf)
        order = np.argsort(values, axis=1)
        values = np.take_along_axis(values, order, axis=1)
        below = np.take_along_axis(gate_weights, order, axis=1).cumsum(axis=1)
        half = below[:, -1:] / 2
        lower = (below >= half - TIE).argmax(axis=1)
        upper = (below > half + TIE).argmax(axis=1)
        rows = np.arange(len(values))
        return ((values[rows, lower] + values[rows, upper]) / 2)[:, None]
