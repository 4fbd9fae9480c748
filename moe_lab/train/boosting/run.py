"""One run of boosting: the table, read once, and the steps on it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.gate.constant import ConstantGate
from moe_lab.progress import progress
from moe_lab.table import CodedTable, learn_table
from moe_lab.train.base import Trained
from moe_lab.train.boosting.lockstep import Lockstep
from moe_lab.train.boosting.parts import BoostedTrees
from moe_lab.train.boosting.trunk import FIXED, grow_trunk

if TYPE_CHECKING:
    from moe_lab.gate.boosted import BoostedGate
    from moe_lab.pool.base import Pooler
    from moe_lab.table.data import TrainingData

SMALL_TREES = 0.25  # the trunk is tried with the leaves asked for and with this share of them


class BoostingRun(ABC):
    """Grows trunk, experts and gate on one table.

    Parameters
    ----------
    trainer : Boosting
    data : TrainingData
    gate : BoostedGate
        Its parameters shape the trees of experts and gate.
    pool : Pooler
    settings : dict
        Of the trunk's trees.
    max_rounds : int
        Of the trunk.
    """

    def __init__(
        self,
        trainer: Any,
        data: TrainingData,
        *,
        gate: BoostedGate,
        pool: Pooler,
        settings: dict,
        max_rounds: int,
        verbose: int,
    ):
        import lightgbm

        self.trainer, self.gate, self.verbose = trainer, gate, verbose
        self.interrupted = False
        self.pooler = clone(pool)
        self.mean_weight = data.sample_weight.mean()
        # LightGBM's thresholds are in units of a row.
        data, weight = data.read(), data.sample_weight / self.mean_weight
        self.data = self._in_units(replace(data, sample_weight=weight))
        self.table, coded = learn_table(CodedTable(), data.X)
        self.features = coded.matrix
        self.settings, self.max_rounds = settings | {"feature_pre_filter": False}, max_rounds
        self.rows = lightgbm.Dataset(
            self.features,
            self.data.y,
            weight=weight,
            params=self.settings,
            categorical_feature=list(coded.levels),
        ).construct()

    def _in_units(self, data):
        """Return the data with the target in units of its spread."""
        return data

    @abstractmethod
    def trained(self, n_experts: int, start: np.ndarray | None) -> Trained:
        """Grow the mixture.

        Parameters
        ----------
        n_experts : int
        start : ndarray of shape (n_samples, n_experts) or None
            Responsibilities to start from.

        Returns
        -------
        trained : Trained
        """

    @abstractmethod
    def _expert(self, trees, k):
        """Return expert k as a view of the trees."""

    def _trunk(self, rows, features, folds, settings=None):
        small = max(2, int(self.settings["num_leaves"] * SMALL_TREES))
        both = [self.settings, self.settings | {"num_leaves": small}]
        trunk = grow_trunk(
            rows,
            features,
            folds,
            both if settings is None else [settings],
            n_classes=self.data.n_classes,
            patience=self.trainer.patience,
            steps=lambda: progress(range(self.max_rounds), "trunk", self.verbose),
        )
        self.interrupted = self.interrupted or trunk.interrupted
        return trunk

    @contextmanager
    def _until_interrupted(self):
        """Let an interrupt end the rounds within: those that are grown are kept."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True

    def _lockstep(self, rows, experts, log_base, start):
        settings = FIXED | {
            "learning_rate": self.gate.learning_rate,
            "num_leaves": self.gate.num_leaves,
            "min_child_samples": self.gate.min_child_samples,
            "lambda_l2": 1.0,
            "seed": self.settings["seed"],
            "feature_pre_filter": False,
        }
        return Lockstep(rows, experts, settings, log_base, start)

    def _grown(self, trunk, experts, log_base, start, gains):
        """Grow experts and gate on all rows, as many rounds as there are gains after the first."""
        lockstep = self._lockstep(self.rows, experts, log_base, start)
        with self._until_interrupted():
            for _ in progress(range(len(gains) - 1), "grow", self.verbose):
                lockstep.grow()
        lockstep.score_grown()
        gains = gains[: lockstep.n_rounds + 1]
        trees = self._trees(trunk, lockstep.booster if lockstep.n_rounds else None, experts)
        gate = clone(self.gate)
        gate.table_, gate.base_, gate.booster_ = trees, log_base, trees
        history = self._history(lockstep.log_likelihoods, gains)
        n_experts = len(log_base)
        return self._trained(trees, gate, n_experts, history, lockstep.experts.scales)

    def _alone(self, trunk, log_lik, scale=None):
        trees = self._trees(trunk, None, None)
        gate = ConstantGate().fit(self.data.X, np.ones((len(self.data), 1)))
        history = self._history([self.data.sample_weight @ log_lik], np.zeros(1))
        return self._trained(trees, gate, 1, history, None if scale is None else np.array([scale]))

    def _trees(self, trunk, booster, experts):
        n_experts, n_columns = (1, 0) if experts is None else (experts.n_experts, experts.n_columns)
        return BoostedTrees(
            self.table, trunk.booster, booster, n_experts, n_columns, self.data.n_classes
        )

    def _trained(self, trees, gate, n_experts, history, scales):
        experts = [self._expert(trees, k) for k in range(n_experts)]
        return Trained(experts, gate, self.pooler, history, scales)

    def _history(self, log_likelihoods, gains):
        """In nats of the rows as weighted by the caller."""
        return pd.DataFrame(
            {
                "log_likelihood": self.mean_weight * np.array(log_likelihoods),
                "held_out_gain": self.mean_weight * np.asarray(gains),
            }
        )


def warn_alone(n_experts: int) -> None:
    """Tell that the trunk alone is kept."""
    warnings.warn(
        f"No mixture of {n_experts} experts was better than their common trunk on held-out rows: "
        "one expert is left.",
        ConvergenceWarning,
        stacklevel=5,
    )
