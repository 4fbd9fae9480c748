"""The network behind the tabm expert. It imports torch: to be imported only to build."""

import numpy as np
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from tabm import EnsembleView, LinearEnsemble, make_tabm_backbone
from torch import nn

# shapes: (n)samples, (d)features, (b)inned features, (e)mbedding, (m)embers, (o)utputs
LEAST_LEVELS = 3  # distinct values from which on a column is embedded, not read as it is
EMBEDDING = 8  # numbers for each embedded column


class TabMNet(nn.Module):
    """An ensemble of networks that share most weights, behind piecewise-linear embeddings.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised columns, whose quantiles are the ends of the pieces.
    n_outputs, n_members, width, n_bins : int
    dropout : float

    Shape: (n, d) to (n, m, o).
    """

    def __init__(self, X, n_outputs, *, n_members, width, n_bins, dropout):
        super().__init__()
        X = np.asarray(X, dtype=np.float32)
        levels = np.array([len(np.unique(column)) for column in X.T], dtype=int)
        binned = (levels >= LEAST_LEVELS) & (n_bins > 0)
        self.binned, self.plain = np.flatnonzero(binned).tolist(), np.flatnonzero(~binned).tolist()
        self.embed = None
        if self.binned:
            edges = [_edges(X[:, j], n_bins) for j in self.binned]
            self.embed = PiecewiseLinearEmbeddings(edges, EMBEDDING, activation=False, version="B")
        chunks = [EMBEDDING] * len(self.binned) + [1] * len(self.plain)
        backbone = make_tabm_backbone(
            d_in=sum(chunks),
            n_blocks=2,
            d_block=width,
            dropout=dropout,
            k=n_members,
            start_scaling_init="normal" if self.binned else "random-signs",
            start_scaling_init_chunks=chunks,
        )
        head = LinearEnsemble(width, n_outputs, k=n_members)
        self.ensemble = nn.Sequential(EnsembleView(k=n_members), backbone, head)

    def forward(self, X):
        parts = [X[:, self.plain]]
        if self.embed is not None:
            parts.insert(0, self.embed(X[:, self.binned]).flatten(1))  # (n, b, e) -> (n, b e)
        return self.ensemble(torch.cat(parts, dim=1))


def _edges(column, n_bins):
    """Return the distinct quantiles between which a column is linear."""
    quantiles = np.quantile(column, np.linspace(0, 1, min(n_bins, len(column) - 1) + 1))
    return torch.as_tensor(np.unique(quantiles.astype(np.float32)))
