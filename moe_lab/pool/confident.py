"""Confident pool: the expert that is surest of itself."""

import numpy as np

from moe_lab.pool.base import Pooler, poolers, weighted_sum


@poolers.register("confident")
class ConfidentPooler(Pooler):
    """The prediction of the expert that is surest of itself, among those the gate gives any weight.

    Classification: the expert whose largest class probability is highest. Regression: the one with
    the smallest noise scale. Of equals, the first. How large a weight is does not matter.
    """

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        return gate_weights > 0

    def weights(self, gate_weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        return self._surest(-_known(scales), gate_weights)

    def pool(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None = None
    ) -> np.ndarray:
        if predictions.shape[2] == 1:
            return weighted_sum(self.weights(gate_weights, scales), predictions)
        return weighted_sum(self._surest(predictions.max(axis=2), gate_weights), predictions)

    def _surest(self, confidence, gate_weights):
        """Return weight 1 for the surest of those asked, (n_samples, n_experts)."""
        asked = self.needs(gate_weights)
        surest = np.where(asked, confidence, -np.inf).argmax(axis=1)
        return np.eye(gate_weights.shape[1])[surest]


def _known(scales):
    if scales is None:
        raise ValueError(
            "scales must be given to pool regression predictions by confidence, got scales=None. "
            "Use a trainer that estimates each expert's noise ('em', 'out_of_fold'), or 'linear'."
        )
    return np.asarray(scales)
