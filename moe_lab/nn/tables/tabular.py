"""Networks for tables: embeddings of numbers and categories, and what comes behind them."""

# shapes: (n)samples, (d)features, (b)inned and (p)lain numbers, (c)ategories, (w)idth

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moe_lab.nn.sparse import SparseMoE

LEAST_VALUES = 3  # distinct numbers from which on a column is embedded, not read as it is


class TableEmbedding(nn.Module):
    """Numbers as they are or embedded piecewise linearly, categories by a vector for each level.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised numbers, then level numbers from 0; -1 is missing or never seen, its vector 0.
    n_levels : sequence of int
        Of each of the last columns.
    n_bins : int, default=0
        Pieces of each number between its quantiles in X (Gorishniy et al. 2022), constant beyond
        them, where a steep last piece would run away; 0: as it is.
    dim : int, default=8
        Of an embedded number or category.

    Attributes
    ----------
    chunks : list of int
        Width of each number's and category's part of the output.

    Notes
    -----
    Shape: (n, d) -> (n, sum of chunks).
    """

    def __init__(self, X: np.ndarray, n_levels: Sequence[int] = (), n_bins: int = 0, dim: int = 8):
        super().__init__()
        numbers = np.asarray(X, dtype=np.float32)[:, : X.shape[1] - len(n_levels)]
        many = np.array([len(np.unique(column)) for column in numbers.T]) >= LEAST_VALUES
        binned = many & (n_bins > 0) if len(many) else np.zeros(0, dtype=bool)
        self.n_numbers = numbers.shape[1]
        self.register_buffer("binned", torch.from_numpy(np.flatnonzero(binned)), persistent=False)
        self.register_buffer("plain", torch.from_numpy(np.flatnonzero(~binned)), persistent=False)
        self.pieces = _pieces(numbers[:, binned], n_bins, dim) if binned.any() else None
        ends = numbers[:, binned].min(axis=0), numbers[:, binned].max(axis=0)
        for name, end in zip(("least", "most"), ends, strict=True):
            self.register_buffer(name, torch.from_numpy(end), persistent=False)
        self.levels = _level_vectors(n_levels, dim) if len(n_levels) else None
        firsts = np.cumsum([0, *(n + 1 for n in n_levels)])[:-1] + 1  # one before: not seen
        self.register_buffer("firsts", torch.from_numpy(firsts), persistent=False)
        self.chunks = [1] * int((~binned).sum()) + [dim] * (int(binned.sum()) + len(n_levels))

    def forward(self, X: Tensor) -> Tensor:
        parts = [X.index_select(1, self.plain)]  # (n, p)
        if self.pieces is not None:
            numbers = X.index_select(1, self.binned).clamp(self.least, self.most)
            parts.append(self.pieces(numbers).flatten(1))  # (n, b w)
        if self.levels is not None:
            codes = X.narrow(1, self.n_numbers, len(self.firsts)).long() + self.firsts  # (n, c)
            parts.append(self.levels(codes).flatten(1))  # (n, c w)
        return torch.cat(parts, dim=1)


def _pieces(numbers, n_bins, dim):
    from rtdl_num_embeddings import PiecewiseLinearEmbeddings

    edges = [_edges(column, n_bins) for column in numbers.T]
    with warnings.catch_warnings():  # zeros but for a few rows are one piece, as they should be
        warnings.filterwarnings("ignore", ".*just two bin edges")
        return PiecewiseLinearEmbeddings(edges, dim, activation=False, version="B")


def _edges(column, n_bins):
    """Return the distinct quantiles between which a column is linear."""
    quantiles = np.quantile(column, np.linspace(0, 1, min(n_bins, len(column) - 1) + 1))
    return torch.as_tensor(np.unique(quantiles.astype(np.float32)))


def _level_vectors(n_levels, dim):
    """Make a vector for every level of every column, in one table; 0 for those never seen."""
    vectors = nn.Embedding(sum(n_levels) + len(n_levels), dim)
    nn.init.normal_(vectors.weight, std=dim**-0.5)
    with torch.no_grad():
        vectors.weight[np.cumsum([0, *(n + 1 for n in n_levels)])[:-1]] = 0.0
    return vectors


def mlp(
    n_inputs: int, hidden: Sequence[int], n_outputs: int, dropout: float = 0.0
) -> nn.Sequential:
    """Make linear layers with ReLU, and dropout where asked for, between.

    Examples
    --------
    >>> mlp(3, (8,), 1)
    Sequential(
      (0): Linear(in_features=3, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    """
    layers = []
    for n_in, n_out in itertools.pairwise([n_inputs, *hidden]):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear([n_inputs, *hidden][-1], n_outputs))


class SparseNet(nn.Module):
    """Residual blocks of sparse layers between two linear ones; no norms, which lose the scale.

    Parameters
    ----------
    n_inputs, n_outputs : int
    width : int
        Of the blocks.
    n_blocks : int
    **layer
        What `SparseMoE` takes.

    Notes
    -----
    Shape: (n, d) -> (n, n_outputs) and the sum of the blocks' balancing losses.
    """

    def __init__(self, n_inputs: int, n_outputs: int, *, width: int, n_blocks: int, **layer: Any):
        super().__init__()
        self.first = nn.Linear(n_inputs, width)
        self.blocks = nn.ModuleList(SparseMoE(width, **layer) for _ in range(n_blocks))
        self.last = nn.Linear(width, n_outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, loss = self.first(x), 0.0
        for block in self.blocks:
            y, routing = block(x.relu())
            x, loss = x + y, loss + routing.loss
        return self.last(x.relu()), loss
