"""What a trainer is: how gate and experts are trained together."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from moe_lab.experts.pools import check_preset, pool_of
from moe_lab.gate.base import Gate
from moe_lab.pool.base import Pooler
from moe_lab.registry import trainers
from moe_lab.table.data import TrainingData

__all__ = [
    "Account",
    "Asked",
    "Interrupted",
    "Trained",
    "Trainer",
    "TrainingData",
    "as_trainer",
    "is_auto",
    "trainers",
]


@dataclass
class Account:
    """What training found out about its parts, for ``summary``.

    Attributes
    ----------
    weights : ndarray of shape (n_experts,)
        Mean gate weights over the training rows.
    losses : ndarray of shape (n_experts,)
        Out of fold: root mean squared error in the unit of y, or log-loss in nats; NaN where
        nothing was held out.
    equal, constant : float
        That of equal weights, and of the constant weights that training started at; the latter is
        in sample, since these were fitted to the same out-of-fold predictions.
    varies : bool
        Whether the gate weights differ between rows.
    correction : float
        Standard deviation of what the pool's correction adds over that of the pooled score.
    seconds : ndarray of shape (n_experts,)
        Of all fits of each expert.
    dropped : dict of str -> str
        Who has no part, by name, and why.
    """

    weights: np.ndarray
    losses: np.ndarray
    equal: float
    constant: float
    varies: bool
    correction: float
    seconds: np.ndarray
    dropped: dict[str, str] = field(default_factory=dict)


@dataclass
class Trained:
    """What training returns.

    Attributes
    ----------
    experts : list of fitted experts
    gate : fitted Gate
    pooler : fitted Pooler
        Of its own, never the instance that was given.
    history : DataFrame, one row per round, ``log_likelihood`` (nats, summed over samples) first
        Of EM: the ``objective`` that it maximises, ``start``, ``step`` and the effective sample
        size of each expert, numbered as asked for.
    scales : ndarray of shape (n_experts,) or None
        Noise standard deviation of each expert in the unit of y (regression).
    density_gate : fitted ScaleMixture or None
        The second gate of regression, which serves the density around the pooled mean.
    starts : DataFrame or None
        One row per start: the ``log_likelihood`` (nats) that it reached in its ``n_rounds``.
    kept : list of int or None
        The numbers of the experts that are left, in the order of ``experts``; None: all.
    report : DataFrame or None
        One row a step: what was fitted, how many fits, seconds.
    account : Account or None
    at_floor : sequence of int
        The positions in ``experts`` of those whose noise scale is the least allowed.
    """

    experts: list
    gate: Gate
    pooler: Pooler
    history: pd.DataFrame
    scales: np.ndarray | None = None
    density_gate: object | None = None
    starts: pd.DataFrame | None = None
    kept: list | None = None
    report: pd.DataFrame | None = None
    account: Account | None = None
    at_floor: Sequence[int] = ()


class Interrupted(KeyboardInterrupt):
    """Training was interrupted, and what it had by then can be used.

    To all but the mixture whose ``fit`` it is, it is a KeyboardInterrupt like any other.

    Parameters
    ----------
    trained : Trained
        The best so far.
    sentence : str
        Where it was.
    """

    def __init__(self, trained: Trained, sentence: str):
        super().__init__(f"{sentence} The best so far is kept: the mixture is fitted.")
        self.trained = trained


class Asked(NamedTuple):
    """What a mixture is asked to be made of: names, pairs or instances, or "auto"."""

    experts: Any = "auto"
    n_experts: int | None = None
    gate: Any = "auto"
    pool: Any = "auto"
    preset: str = "default"


def is_auto(asked: Any) -> bool:
    """Say whether it is the word "auto"."""
    return isinstance(asked, str) and asked == "auto"


def _check_unasked(preset, experts):
    if check_preset(preset) != "default":
        raise ValueError(
            "preset must be 'default' where the experts are given, of which it is the choice, got "
            f"preset={preset!r} and experts={experts!r}. Leave one of them out."
        )


class Trainer(ABC, BaseEstimator):
    """Trains experts and gate together.

    ``auto`` says what "auto" means to it, by default its ``default_*``. A trainer with ``shrinks``
    also takes ``names`` of the experts, ``time_limit`` (seconds) and ``shrink`` (whether experts
    that do not pay may be dropped).
    """

    default_experts: Any = None  # the pool of different families
    default_n_experts = 3  # of the default experts
    default_gate: Any = "softmax"
    default_pool = "linear"
    shrinks = False
    counts_rows = (
        True  # whether it matters how many rows the weights count as, or only their shares
    )
    stacks = False  # whether it can train experts that depend on the others

    def auto(
        self,
        asked: Asked,
        *,
        task: str,
        n_samples: int | None = None,
        n_classes: int | None = None,
        divided: bool = False,
        time_limit: float | None = None,
    ) -> Asked:
        """Replace every "auto" by what it means to this trainer.

        Parameters
        ----------
        asked : Asked
        task : {"regression", "classification"}
        n_samples, n_classes : int, optional
            Where they are known: not all experts suit all.
        divided : bool, default=False
            Whether a divider is given.
        time_limit : float, optional
            Seconds for all.

        Returns
        -------
        asked : Asked
            Without "auto".
        """
        experts, n_experts = asked.experts, asked.n_experts
        if is_auto(experts) and self.default_experts is not None:
            experts, n_experts = self.default_experts, n_experts or self.default_n_experts
        if is_auto(experts):
            experts = pool_of(task, n_samples, n_classes, preset=asked.preset)
        else:
            _check_unasked(asked.preset, experts)
        gate = self.default_gate if is_auto(asked.gate) else asked.gate
        pool = self.default_pool if is_auto(asked.pool) else asked.pool
        return asked._replace(experts=experts, n_experts=n_experts, gate=gate, pool=pool)

    @abstractmethod
    def train(
        self,
        data: TrainingData,
        *,
        experts: list,
        gate: Gate,
        pool: Pooler,
        divide: Callable | None,
        seeds: list[int],
        n_jobs: int | None,
        verbose: int,
    ) -> Trained:
        """Train.

        Parameters
        ----------
        data : TrainingData
        experts : list of unfitted estimators
            Built, each with its own seed and device.
        gate : Gate
            Unfitted; it is cloned.
        pool : Pooler
            Unfitted; it is cloned.
        divide : callable or None
            ``divide(seed)`` gives responsibilities of shape (n_samples, n_experts) to start from.
        seeds : list of int
            One for each expert; the trainer's own randomness is derived from the first. A trainer
            that ``stacks`` is given two more, of gate and pool.
        n_jobs : int or None
        verbose : int
            1 shows a progress bar.

        Returns
        -------
        trained : Trained

        Raises
        ------
        Interrupted
            By a trainer in rounds, with the best so far, where Ctrl-C ends them.
        """

    def estimate(self, data: TrainingData, **parts: Any) -> pd.Series:
        """Return the seconds that each expert will take; ``parts`` as in ``train``."""
        raise ValueError(
            f"train must be 'out_of_fold' to tell beforehand what a fit will cost, got {self!r}: "
            "here the seconds depend on the rounds that it will take."
        )


def as_trainer(train: str | tuple[str, dict] | Trainer) -> Trainer:
    """Return a Trainer from a registered name, a (name, params) pair or an instance."""
    return trainers.resolve(train, Trainer)
