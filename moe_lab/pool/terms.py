"""The terms of a pooled answer: who added what."""

from typing import NamedTuple

import numpy as np
from scipy.special import softmax


class Terms(NamedTuple):
    """A pooled answer as a sum: ``sum_k weights_k said_k + bias + correction``.

    Attributes
    ----------
    weights : ndarray of shape (n_samples, n_experts)
    said : ndarray of shape (n_samples, n_experts, n_outputs)
        Means or probabilities, or their logs; not read where the weight is 0.
    bias : ndarray of shape (n_outputs,)
    correction : ndarray of shape (n_samples, n_outputs)
    logs : bool
        Whether the sum is of log-probabilities, up to a constant.
    """

    weights: np.ndarray
    said: np.ndarray
    bias: np.ndarray
    correction: np.ndarray
    logs: bool

    def score(self) -> np.ndarray:
        """Return the sum without the correction, (n_samples, n_outputs)."""
        read = np.where(self.weights[:, :, None] > 0, self.said, 0.0)
        return np.einsum("nk,nko->no", self.weights, read) + self.bias

    def answer(self, corrected: bool = True) -> np.ndarray:
        """Return the pooled means or probabilities, (n_samples, n_outputs)."""
        score = self.score() + self.correction if corrected else self.score()
        return softmax(score, axis=1) if self.logs else score
