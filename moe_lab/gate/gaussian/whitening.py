"""Whitening: rotated and scaled so that the covariance of all rows is the unit matrix."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from moe_lab.likelihood.arrays import blocks

NULL = 1e-9  # a variance below it is rounding error: the direction is constant, or a copy
FAR = 1e100  # standard deviations; its square is still a number


@dataclass
class Whitening:
    """Maps standardised rows to (rows - mean) @ forward, and back by rows @ backward + mean.

    Directions in which the rows do not differ, such as copies of a column or the sum of all levels
    of a category, are left out.

    shapes: mean (n_columns,), forward (n_columns, n_directions), backward (n_directions, n_columns)
    """

    mean: np.ndarray
    forward: np.ndarray
    backward: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, weight: np.ndarray) -> Self:
        """Learn it from rows, (n_samples, n_columns), and their weights."""
        mean = weight @ rows / weight.sum()
        _, scatter = moments(rows, weight / weight.sum(), mean)
        variances, directions = np.linalg.eigh(scatter)
        kept = variances > NULL
        scales, directions = np.sqrt(variances[kept]), directions[:, kept]
        return cls(mean, directions / scales, (directions * scales).T)

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return the whitened rows, (n_samples, n_directions); ``rows`` are overwritten."""
        rows -= self.mean
        np.clip(rows, -FAR, FAR, out=rows)
        return rows @ self.forward


def moments(
    rows: np.ndarray, weight: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted sums of ``rows - centre`` and of its outer products, block by block."""
    total, scatter = np.zeros(rows.shape[1]), np.zeros((rows.shape[1],) * 2)
    for block in blocks(len(rows), rows.shape[1] + 1):
        deviation = rows[block] - centre
        weighted = weight[block, None] * deviation
        total += weighted.sum(axis=0)
        scatter += weighted.T @ deviation
    return total, scatter
