"""MLP expert: a small neural network in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.experts.base import experts
from moe_lab.experts.net import NetExpert

if TYPE_CHECKING:
    import torch


@experts.register("mlp")
class MLPExpert(NetExpert):
    """A multilayer perceptron on standardised columns and embedded categories, stopped early.

    Parameters
    ----------
    hidden : tuple of int, default=(128, 128)
        Widths of the hidden layers.
    n_bins : int, default=24
        Pieces between the quantiles of a number, by which it is embedded; 0: read as it is.
    dropout : float, default=0.0
    learning_rate : float, default=2e-3
        At first; it falls whenever the held-out loss stalls.
    weight_decay : float, default=1e-2
    max_epochs : int, default=100
    patience : int, default=10
        Epochs without a better held-out loss before training stops.
    verbose : int, default=0
        1 shows a progress bar; Ctrl-C then ends training with the best weights so far.
    """

    title = "mlp"

    def __init__(
        self,
        hidden: tuple[int, ...] = (128, 128),
        n_bins: int = 24,
        dropout: float = 0.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 100,
        patience: int = 10,
        verbose: int = 0,
    ):
        self.hidden = hidden
        self.n_bins = n_bins
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def body(self, chunks: list[int], n_outputs: int) -> torch.nn.Module:
        from moe_lab.nn.tables.tabular import mlp

        return mlp(sum(chunks), self.hidden, n_outputs, self.dropout)
