"""Random start: a soft, balanced partition along random directions."""

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.utils import check_random_state

from moe_lab.divide.base import Divider, dividers
from moe_lab.table import NumericTable

BALANCING_ROUNDS = 50


@dividers.register("random")
class RandomDivider(Divider):
    """Softmax of random projections of the standardised rows of (X, y), balanced.

    Every expert draws a direction, away from those of the others; a row belongs to an expert the
    more, the further it lies that way. y takes part with half of the variance, so that restarts can
    tell two lines apart that cross over the same X. The draw does not depend on the number of rows,
    and all sums are weighted: a row of weight 2 starts like two rows, which noise drawn for each
    row could not do. A bias per expert makes all of them start with the same total weight.

    Parameters
    ----------
    sharpness : float, default=3.0
        Standard deviation of the log responsibilities over the rows, before they are
        normalised; 0 would give all experts the same rows, large values a hard partition.
    """

    def __init__(self, sharpness=3.0):
        self.sharpness = sharpness

    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        if n_experts is None or n_experts < 1:
            raise ValueError(f"n_experts must be at least 1 to divide at random, got {n_experts}.")
        if self.sharpness <= 0:
            raise ValueError(f"sharpness must be positive, got sharpness={self.sharpness}.")
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        rng = check_random_state(random_state)
        logits = np.zeros((len(y), n_experts))
        for part in (_standardised(X, weight), _standardised(_target(y), weight)):
            directions = rng.normal(size=(part.shape[1], n_experts))
            # Two experts that draw one way would stay alike for ever: EM cannot part them.
            directions -= directions.mean(axis=1, keepdims=True)
            logits += part @ directions / np.sqrt(max(part.shape[1], 1))
        spread = np.sqrt(np.average(logits**2, axis=0, weights=weight).mean())
        return np.exp(_balanced(logits * (self.sharpness / (spread or 1.0)), weight))


def _standardised(X, weight):
    numbers = NumericTable(scale=False).fit(X, sample_weight=weight).transform(X)
    return NumericTable(scale=True).fit(numbers, sample_weight=weight).transform(numbers)


def _target(y):
    """y as columns: numbers as they are, classes one-hot."""
    y = np.asarray(y)
    if y.dtype.kind == "f":
        return y[:, None]
    return (y[:, None] == np.unique(y)).astype(float)


def _balanced(logits, weight):
    """Log responsibilities whose weighted sums over the rows are equal (Sinkhorn's iteration)."""
    log_weight = np.log(np.maximum(weight, np.finfo(float).tiny) / weight.sum())[:, None]
    bias = np.zeros(logits.shape[1])
    for _ in range(BALANCING_ROUNDS):
        bias -= logsumexp(log_weight + log_softmax(logits + bias, axis=1), axis=0)
    return log_softmax(logits + bias, axis=1)
