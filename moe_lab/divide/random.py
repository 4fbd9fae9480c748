"""Random start: a soft, balanced partition along random directions."""

from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from moe_lab.divide.base import Divider, dividers
from moe_lab.likelihood.arrays import blocks
from moe_lab.table import NumericTable, Reading
from moe_lab.table.forms import Table

BALANCING_ROUNDS = 50
BALANCED = 1e-6  # relative difference between the experts' shares at which that is enough
LEAST_LOGIT = -300.0  # below the largest of a row: keeps every share above 0


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

    takes_reading = True

    def __init__(self, sharpness: float = 3.0):
        self.sharpness = sharpness

    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        if n_experts is None or n_experts < 1:
            raise ValueError(f"n_experts must be at least 1 to divide at random, got {n_experts}.")
        if not (isinstance(self.sharpness, Real) and self.sharpness > 0):
            raise ValueError(f"sharpness must be positive, got sharpness={self.sharpness!r}.")
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        rng = check_random_state(random_state)
        logits = np.zeros((len(y), n_experts))
        for columns in (_numbers(X, weight), target_columns(y)):
            directions = rng.normal(size=(columns.shape[1], n_experts))
            # Two experts that draw one way would stay alike for ever: EM cannot part them.
            directions -= directions.mean(axis=1, keepdims=True)
            _add_projection(logits, columns, directions / np.sqrt(max(len(directions), 1)), weight)
        spread = np.sqrt(np.einsum("n,nk,nk->", weight, logits, logits) / weight.sum() / n_experts)
        logits *= self.sharpness / (spread or 1.0)
        return _balanced(logits, weight)


def _numbers(X, weight):
    X = Reading.of(X)
    return NumericTable(scale=False).fit(X, sample_weight=weight).transform(X)


def target_columns(y: np.ndarray) -> np.ndarray:
    """y as columns: numbers as they are, classes one-hot."""
    y = np.asarray(y)
    if y.dtype.kind == "f":
        return y[:, None]
    return (y[:, None] == np.unique(y)).astype(float)


def _add_projection(logits, columns, directions, weight):
    """Add the standardised columns times the directions, block by block."""
    units = NumericTable(scale=True).fit(columns, sample_weight=weight)
    for rows in blocks(len(columns), columns.shape[1] + logits.shape[1]):
        logits[rows] += units.transform(columns[rows]) @ directions


def _balanced(logits, weight):
    """Turn logits into responsibilities with equal weighted sums over the rows, in place.

    Sinkhorn's iteration: a factor for each expert, divided by the share of the weight it got.
    """
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(np.maximum(logits, LEAST_LOGIT, out=logits), out=logits)
    share_of_row = weight / weight.sum()
    factor = np.ones(logits.shape[1])
    for _ in range(BALANCING_ROUNDS):
        share_of_expert = factor * ((share_of_row / (shares @ factor)) @ shares) * len(factor)
        if np.abs(share_of_expert - 1).max() < BALANCED:
            break
        factor /= share_of_expert
    shares *= factor
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
