"""TabM expert: many small networks in one, for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moe_lab.experts.base import experts
from moe_lab.experts.net import NetExpert

if TYPE_CHECKING:
    import torch


@experts.register("tabm")
class TabMExpert(NetExpert):
    """An ensemble of networks that share most weights (Gorishniy, Kotelnikov & Babenko, 2024).

    Numbers are embedded piecewise linearly; every member is trained by itself, training stops when
    their mean loss on held-out rows does.

    Parameters
    ----------
    n_members : int, default=16
        Networks in one.
    width : int, default=128
        Of each of the two hidden layers.
    n_bins : int, default=24
        Pieces of a column's embedding; 0: columns are read as they are.
    dropout : float, default=0.1
    learning_rate : float, default=2e-3
        At first; it falls whenever the held-out loss stalls.
    weight_decay : float, default=3e-4
    max_epochs : int, default=100
    patience : int, default=10
        Epochs without a better held-out loss before training stops.
    verbose : int, default=0
        1 shows a progress bar; Ctrl-C then ends training with the best weights so far.
    """

    title = "tabm"
    one_hot = True  # its members scale every column in their own way
    example_params = {"n_members": 4, "width": 32, "max_epochs": 40}

    def __init__(
        self,
        n_members: int = 16,
        width: int = 128,
        n_bins: int = 24,
        dropout: float = 0.1,
        learning_rate: float = 2e-3,
        weight_decay: float = 3e-4,
        max_epochs: int = 100,
        patience: int = 10,
        verbose: int = 0,
    ):
        self.n_members = n_members
        self.width = width
        self.n_bins = n_bins
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def build(self, task: str, **settings: Any) -> Any:
        try:
            import tabm  # noqa: F401
        except ImportError as error:
            raise ImportError("tabm is not installed; run pip install tabm.") from error
        return super().build(task, **settings)

    def body(self, chunks: list[int], n_outputs: int) -> torch.nn.Module:
        from tabm import EnsembleView, LinearEnsemble, make_tabm_backbone
        from torch import nn

        backbone = make_tabm_backbone(
            d_in=sum(chunks),
            n_blocks=2,
            d_block=self.width,
            dropout=self.dropout,
            k=self.n_members,
            start_scaling_init="normal" if max(chunks, default=1) > 1 else "random-signs",
            start_scaling_init_chunks=chunks,
        )
        head = LinearEnsemble(self.width, n_outputs, k=self.n_members)
        return nn.Sequential(EnsembleView(k=self.n_members), backbone, head)
