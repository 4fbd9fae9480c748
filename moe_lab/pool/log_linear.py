"""Log-linear pool: the weighted geometric mean of the experts' distributions."""

import numpy as np
from scipy.special import softmax

from moe_lab.likelihood.outcome import MIN_PROBABILITY
from moe_lab.pool.base import Pooler, poolers


@poolers.register("log_linear")
class LogLinearPooler(Pooler):
    """Logarithmic opinion pool: weighted mean of the log densities, normalised.

    Classification: the probabilities' geometric mean, each floored at 1e-5. Regression: of Gaussian
    experts the pool is Gaussian, its mean is theirs weighted by gate weight and precision.

    References
    ----------
    Genest & Zidek (1986), Combining probability distributions: a critique and an annotated
    bibliography.
    """

    def needs(self, gate_weights: np.ndarray) -> np.ndarray:
        return gate_weights > 0

    def pool(
        self, predictions: np.ndarray, gate_weights: np.ndarray, scales: np.ndarray | None = None
    ) -> np.ndarray:
        read = np.where(self.needs(gate_weights)[:, :, None], predictions, 1.0)
        if predictions.shape[2] > 1:
            log_prob = np.log(np.maximum(read, MIN_PROBABILITY))  # one expert's 0 is no veto
            return softmax(np.einsum("ne,neo->no", gate_weights, log_prob), axis=1)
        if scales is None:
            raise ValueError(
                "scales must be given to pool regression predictions log-linearly, got scales="
                "None. Use a trainer that estimates each expert's noise ('em', 'out_of_fold'), or "
                "'linear'."
            )
        scales = np.where(self.needs(gate_weights), scales, np.inf)  # (n_samples, n_experts)
        precision = gate_weights / np.square(scales / scales.min(axis=1, keepdims=True))
        weights = precision / precision.sum(axis=1, keepdims=True)
        return np.einsum("ne,neo->no", weights, read)
