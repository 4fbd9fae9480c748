"""MLP gate: a small neural network in torch, alone or trained together with its experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import log_softmax

from moe_lab.device import resolve_device
from moe_lab.gate.base import FeatureGate, Gate, check_loss, gates, likelihoods
from moe_lab.nn.tables.holder import NetHolder, present_rows
from moe_lab.table import NumericTable, share_table
from moe_lab.table.folds import held_out_rows

if TYPE_CHECKING:
    import torch

    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


@gates.register("mlp")
class MLPGate(NetHolder, FeatureGate):
    """A multilayer perceptron with a softmax: for regions of any shape.

    It starts at equal weights, or at the mean responsibilities. With ``hidden=()`` it is linear, as
    in Jordan & Jacobs (1994).

    Parameters
    ----------
    hidden : tuple of int, default=(64,)
        Widths of the hidden layers.
    n_bins : int, default=0
        Pieces between the quantiles of a number, by which it is embedded; 0: read as it is.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.
    learning_rate : float, default=2e-3
        These four are of the gate fitted alone; ``train="gradient"`` has its own.
    weight_decay : float, default=1e-2
    max_epochs : int, default=100
    patience : int, default=10
        Epochs without a better held-out loss before training stops.
    random_state : int, default=0
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    """

    takes_reading = True

    def __init__(
        self,
        hidden: tuple[int, ...] = (64,),
        n_bins: int = 0,
        columns: list[str | int] | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 100,
        patience: int = 10,
        random_state: int = 0,
        device: str = "auto",
    ):
        self.hidden = hidden
        self.n_bins = n_bins
        self.columns = columns
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.random_state = random_state
        self.device = device

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        table = NumericTable(columns=self.columns, one_hot=False, single=True)
        self.table_, features = share_table(table, X, sample_weight)
        return features

    def features(self, X: Table | Reading) -> np.ndarray:
        return self.table_.transform(X)

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        self._make(present_rows(features, sample_weight), responsibilities.shape[1])
        self._start_at(np.average(responsibilities, axis=0, weights=sample_weight))
        targets = responsibilities.astype(np.float32)
        self._train(features, targets, sample_weight, CrossEntropy())
        return self

    def fit_pooled(
        self,
        X: Table | Reading,
        predictions: np.ndarray,
        y: np.ndarray,
        loss: str,
        sample_weight: np.ndarray | None = None,
    ) -> Self:
        """Fit the gate to the loss of the pooled prediction of fixed experts.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Out-of-fold predictions: means, or class probabilities.
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        loss : {"log_loss", "squared_error"}
        sample_weight : ndarray of shape (n_samples,), optional

        Returns
        -------
        self : MLPGate
        """
        check_loss(loss)
        if loss == "squared_error":
            said = predictions[:, :, 0] - y[:, None]
            said = said / (np.sqrt(np.mean(said**2)) or 1.0)
        else:
            said = likelihoods(predictions, y)
        features = self.learn_features(X, sample_weight)
        self._make(present_rows(features, sample_weight), said.shape[1])
        self._train(features, said.astype(np.float32), sample_weight, Pooled(loss))
        return self

    def module(self, Z: np.ndarray, n_experts: int) -> torch.nn.Module:
        """Make the network for what ``learn_features`` returned: logits (n_samples, n_experts),
        equal at first; ``net_`` takes it, trained."""
        from torch import nn

        from moe_lab.nn.tables.tabular import TableEmbedding, mlp

        embedding = TableEmbedding(Z, self.table_.n_levels, self.n_bins)
        layers = mlp(sum(embedding.chunks), self.hidden, n_experts)
        nn.init.zeros_(layers[-1].weight)
        nn.init.zeros_(layers[-1].bias)
        return nn.Sequential(embedding, layers).float()  # whatever torch's default is

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        return log_softmax(self._ask(features), axis=1)

    def _make(self, features, n_experts):
        from moe_lab.nn.tables.descent_run import seeded

        device = resolve_device(self.device)
        with seeded(self.random_state, device):
            self.net_ = self.module(features, n_experts).to(device)

    def _train(self, features, target, sample_weight, objective):
        from moe_lab.nn.tables.descent import Descent

        names = ("learning_rate", "weight_decay", "max_epochs", "patience")
        descent = Descent(**{name: getattr(self, name) for name in names})
        parts, seed = [features, target], self.random_state
        self._descend(descent, parts, sample_weight, objective, seed, held_out_rows)

    def _start_at(self, mean):
        import torch

        bias = self.net_[-1][-1].bias
        bias.data.copy_(torch.as_tensor(np.log(np.maximum(mean, 1e-9))))


@dataclass(frozen=True)
class CrossEntropy:
    """The objective of a gate fitted to responsibilities, (n_samples, n_experts)."""

    def __call__(self, logits, responsibilities):
        from moe_lab.nn.tables.descent import Terms

        loss = -(responsibilities * logits.float().log_softmax(1)).sum(1)
        return Terms(loss, loss)


@dataclass(frozen=True)
class Pooled:
    """The objective of a gate over fixed experts: their errors, or likelihoods, pooled.

    Parameters
    ----------
    loss : {"log_loss", "squared_error"}
    """

    loss: str

    def __call__(self, logits, said):
        from moe_lab.nn.tables.descent import Terms

        pooled = (logits.float().softmax(1) * said).sum(1)
        loss = pooled.square() if self.loss == "squared_error" else -pooled.log()
        return Terms(loss, loss)
