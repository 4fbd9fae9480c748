"""Sparse MoE expert: a network for tables made of sparsely gated layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.experts.base import experts
from moe_lab.experts.net import NetExpert

if TYPE_CHECKING:
    import torch


@experts.register("sparse_moe")
class SparseMoEExpert(NetExpert):
    """Residual blocks of sparsely gated layers on embedded columns, stopped early.

    Parameters
    ----------
    n_experts : int, default=4
        Of each layer.
    top_k : int, default=2
        Experts that a row asks in each layer.
    width : int, default=64
        Of the blocks.
    hidden_dim : int, default=64
        Hidden units of an expert.
    n_blocks : int, default=1
    balance : float, default=0.01
        Coefficient of the Switch Transformers' balancing loss.
    n_bins : int, default=24
        Pieces between the quantiles of a number, by which it is embedded; 0: read as it is.
    dropout : float, default=0.0
    learning_rate, weight_decay, max_epochs, patience, verbose
        As for the mlp expert.

    References
    ----------
    Shazeer et al. (2017); Fedus, Zoph & Shazeer (2022).
    """

    title = "sparse_moe"
    example_params = {"n_experts": 4, "width": 16, "hidden_dim": 16, "max_epochs": 60}

    def __init__(
        self,
        n_experts: int = 4,
        top_k: int = 2,
        width: int = 64,
        hidden_dim: int = 64,
        n_blocks: int = 1,
        balance: float = 0.01,
        n_bins: int = 24,
        dropout: float = 0.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 100,
        patience: int = 10,
        verbose: int = 0,
    ):
        self.n_experts = n_experts
        self.top_k = top_k
        self.width = width
        self.hidden_dim = hidden_dim
        self.n_blocks = n_blocks
        self.balance = balance
        self.n_bins = n_bins
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def body(self, chunks: list[int], n_outputs: int) -> torch.nn.Module:
        from moe_lab.nn.tables.tabular import SparseNet

        return SparseNet(
            sum(chunks),
            n_outputs,
            width=self.width,
            n_blocks=self.n_blocks,
            n_experts=self.n_experts,
            hidden_dim=self.hidden_dim,
            top_k=self.top_k,
            losses={"switch": self.balance} if self.balance else {},
            bias=True,
            dropout=self.dropout,
        )
