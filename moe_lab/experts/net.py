"""Networks as experts: a table read by embeddings, trained alone or together with a gate."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from moe_lab.device import resolve_device
from moe_lab.experts.base import Expert
from moe_lab.likelihood.outcome import standard_deviation
from moe_lab.nn.tables.holder import NetHolder, present_rows
from moe_lab.table import NumericTable, share_table
from moe_lab.table.folds import held_out_rows

if TYPE_CHECKING:
    import torch

    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

# shapes: (n)samples, (d)features, (m)embers of an ensemble, (o)utputs


class NetExpert(Expert):
    """An expert that is a network.

    A subclass has the parameters ``learning_rate``, ``weight_decay``, ``max_epochs``, ``patience``
    and ``verbose``, and writes ``body``.
    """

    one_hot = False  # False: categories are embedded
    n_bins = 0

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise ImportError("torch is not installed; run pip install torch.") from error
        model = NetRegressor if task == "regression" else NetClassifier
        return model(self, random_state=random_state, device=resolve_device(device))

    @abstractmethod
    def body(self, chunks: list[int], n_outputs: int) -> torch.nn.Module:
        """Make the network behind the embeddings.

        Parameters
        ----------
        chunks : list of int
            Width of each embedded column; the network's inputs are their sum.
        n_outputs : int

        Returns
        -------
        body : Module, (n_samples, n_inputs) to (n_samples, n_outputs)
            Or to (n_samples, n_members, n_outputs) for an ensemble whose members are trained by
            themselves; or to a pair of either and a loss, to be added while training.
        """

    def module(self, Z: np.ndarray, n_levels: list[int], n_outputs: int) -> torch.nn.Module:
        """Make the whole network.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_features)
            What ``table`` makes of X.
        n_levels : list of int
            Of each of the last columns.
        n_outputs : int
        """
        from torch import nn

        from moe_lab.nn.tables.tabular import TableEmbedding

        embedding = TableEmbedding(Z, n_levels, self.n_bins)
        net = nn.Sequential(embedding, self.body(embedding.chunks, n_outputs))
        return net.float()  # whatever torch's default is

    @property
    def table(self) -> NumericTable:
        """How X is read."""
        return NumericTable(scale=True, one_hot=self.one_hot, single=True)


@dataclass(frozen=True)
class Alone:
    """The objective of a network trained by itself: every member of an ensemble has its own loss.

    Parameters
    ----------
    task : {"regression", "classification"}
    """

    task: str

    def __call__(self, answer, targets):
        from moe_lab.nn.tables.descent import Terms

        outputs, extra = answer if isinstance(answer, tuple) else (answer, 0.0)
        loss = row_losses(outputs.float(), targets, self.task)
        return Terms(loss, loss, extra)


def row_losses(outputs: torch.Tensor, targets: torch.Tensor, task: str) -> torch.Tensor:
    """Return the mean loss of the members in each row, shape (n_samples,).

    Parameters
    ----------
    outputs : Tensor of shape (n_samples, n_outputs) or (n_samples, n_members, n_outputs)
    targets : Tensor of shape (n_samples,)
    """
    if task == "regression":
        errors = outputs.flatten(1) - targets.unsqueeze(1)  # (n, m)
        return errors.square().mean(dim=1)
    log_p = outputs.reshape(len(outputs), -1, outputs.shape[-1]).log_softmax(-1)  # (n, m, o)
    chosen = targets.reshape(-1, 1, 1).expand(-1, log_p.shape[1], 1)
    return -log_p.gather(2, chosen).squeeze(2).mean(dim=1)


class Net(NetHolder, BaseEstimator):
    """A network for a table, trained until held-out rows say stop; its best weights are kept.

    Parameters
    ----------
    expert : NetExpert
        What network, and how it is trained.
    random_state : int, RandomState or None
    device : str, default="cpu"

    Attributes
    ----------
    net_ : Module
    table_ : fitted NumericTable
    history_ : list of dict, one an epoch
        Of a network trained by itself; of one trained with others the mixture has it.
    """

    growth = 0.4  # more rows, fewer epochs

    def __init__(
        self,
        expert: NetExpert,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
    ):
        self.expert = expert
        self.random_state = random_state
        self.device = device

    def fit(
        self, X: Table | Reading, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> Self:
        from moe_lab.nn.tables.descent import Descent
        from moe_lab.nn.tables.descent_run import seeded

        Z = self.learn_features(X, sample_weight)
        targets, n_outputs = self.learn_target(np.asarray(y), sample_weight)
        rng = check_random_state(self.random_state)
        with seeded(rng.randint(2**31 - 1), self.device):
            self.net_ = self.module(present_rows(Z, sample_weight), n_outputs).to(self.device)
        names = ("learning_rate", "weight_decay", "max_epochs", "patience", "verbose")
        settings = {name: getattr(self.expert, name) for name in names}
        descent = Descent(**settings, title=self.expert.title)
        objective = Alone(self._task)
        parts = [Z, targets]
        self.history_ = self._descend(descent, parts, sample_weight, objective, rng, held_out_rows)
        return self

    # What a trainer needs that trains a network together with others.

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        """Learn how X is read, and return what the network reads of it: float32, (n, d)."""
        self.table_, Z = share_table(self.expert.table, X, sample_weight)
        return Z

    def module(self, Z: np.ndarray, n_outputs: int) -> torch.nn.Module:
        """Make the network for what ``learn_features`` returned; ``net_`` takes it, trained."""
        return self.expert.module(Z, self.table_.n_levels, n_outputs)

    def _outputs(self, X):
        """Return what the network says, (n, o) or (n, m, o)."""
        check_is_fitted(self)
        return self._ask(self.table_.transform(X))

    @property
    def n_features_in_(self) -> int:
        return self.table_.n_features_in_

    @property
    def best_epoch_(self) -> int:
        """Number of the epoch whose weights were kept, from 0."""
        return int(np.nanargmin([row["held_out"] for row in self.history_]))

    def __sklearn_is_fitted__(self):
        return "net_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        return tags


class NetRegressor(RegressorMixin, Net):
    """Network with one output, trained on the squared error of the standardised target."""

    _task = "regression"
    takes_reading = True

    def learn_target(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        """Return what the network is to say, (n,), and how many outputs it has."""
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        self.mean_ = np.average(y, weights=weight)
        self.spread_ = standard_deviation(y, weight)  # 0: the mean is predicted
        return ((y - self.mean_) / (self.spread_ or 1.0)).astype(np.float32), 1

    def predict(self, X: Table | Reading) -> np.ndarray:
        outputs = self._outputs(X)  # (n, o) or (n, m, o)
        return outputs.reshape(len(outputs), -1).mean(axis=1) * self.spread_ + self.mean_


class NetClassifier(ClassifierMixin, Net):
    """Network with one output per class, trained on the log-loss."""

    _task = "classification"
    takes_reading = True

    def learn_target(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        """Return what the network is to say, (n,), and how many outputs it has."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        return codes, len(self.classes_)

    def predict_proba(self, X: Table | Reading) -> np.ndarray:
        from scipy.special import softmax

        probabilities = softmax(self._outputs(X), axis=-1)  # (n, o) or (n, m, o)
        return probabilities if probabilities.ndim == 2 else probabilities.mean(axis=1)

    def predict(self, X: Table | Reading) -> np.ndarray:
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]
