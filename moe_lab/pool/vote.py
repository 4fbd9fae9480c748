"""Vote: each expert names one class, the gate weighs the votes."""

import numpy as np

from moe_lab.pool.base import Pooler, poolers


@poolers.register("vote")
class VotePooler(Pooler):
    """Gate-weighted vote: the pooled probability of a class is the weight of the experts for it.

    An expert votes for its most probable class; of equals, the first.
    """

    tasks = ("classification",)
    counts_votes = True  # agreed probabilities become 0 and 1

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        return gate_weights > 0

    def pool(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None = None
    ) -> np.ndarray:
        n_classes = predictions.shape[2]
        votes = np.where(self.needs(gate_weights)[:, :, None], predictions, 0.0).argmax(axis=2)
        cast = votes[:, :, None] == np.arange(n_classes)  # (n_samples, n_experts, n_classes)
        return np.einsum("ne,neo->no", gate_weights, cast)
