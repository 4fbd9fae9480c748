"""Sums along the rows of narrow arrays, softmax, and rows in blocks that stay in the cache."""

from collections.abc import Iterator

import numpy as np

BLOCK = 50_000  # numbers in the largest array made for a block of rows
ALIKE = 1e-9  # gate weights that differ by less are the same


def logits(Z: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """Return Z W + b, (n, k): column by column in memory, where sums along a row are fastest."""
    columns = coef[:-1].T @ Z.T
    columns += coef[-1][:, None]
    return columns.T


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the log softmax of each row, (n, k)."""
    shifted = logits - row_max(logits)[:, None]
    shifted -= np.log(row_sum(np.exp(shifted)))[:, None]
    return shifted


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of each row, (n, k)."""
    shares = logits - row_max(logits)[:, None]
    np.exp(shares, out=shares)
    shares /= row_sum(shares)[:, None]
    return shares


def row_max(array: np.ndarray) -> np.ndarray:
    """Return the maximum of each row of a narrow array: column by column is many times faster."""
    best = array[:, 0].copy()
    for column in array.T[1:]:
        np.maximum(best, column, out=best)
    return best


def row_sum(array: np.ndarray) -> np.ndarray:
    """Return the sum of each row of a narrow array; as a product, which is many times faster."""
    return array @ np.ones(array.shape[1])


def vary(gate_weights: np.ndarray) -> bool:
    """Say whether gate weights, (n_samples, n_experts), differ between rows."""
    return bool(np.ptp(gate_weights, axis=0).max() > ALIKE)


def blocks(n_samples: int, width: int) -> Iterator[slice]:
    """Cut the rows into slices whose products with ``width`` columns stay in the cache."""
    size = max(256, BLOCK // width)
    return (slice(first, first + size) for first in range(0, n_samples, size))
