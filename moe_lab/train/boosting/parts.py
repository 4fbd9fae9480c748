"""What boosting leaves behind: experts and gate as views of two boosters, each asked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from moe_lab.table import Reading
from moe_lab.train.boosting.lockstep import expert_log_proba
from moe_lab.train.boosting.trunk import Trunk, trunk_answer

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.numeric import NumericTable


class BoostedTrees:
    """The trunk and the trees of experts and gate, fitted.

    A mixture asks its gate and each expert in turn about one Reading, and each tree is walked once
    for it: to the gate they are its table and its booster.

    Parameters
    ----------
    table : fitted CodedTable
    trunk : lightgbm.Booster
    joint : lightgbm.Booster or None
        None: experts and gate have no trees of their own.
    n_experts : int
    n_expert_columns : int
        Scores of all experts, before those of the gate.
    n_classes : int or None
    """

    def __init__(
        self,
        table: NumericTable,
        trunk: Trunk,
        joint: Any,
        n_experts: int,
        n_expert_columns: int,
        n_classes: int | None,
    ):
        self.table, self.trunk, self.joint = table, trunk, joint
        self.n_experts, self.n_expert_columns = n_experts, n_expert_columns
        self.n_classes = n_classes

    def ask(self, X: Table | Reading) -> tuple[np.ndarray, np.ndarray]:
        """Return the trunk's answer, (n, c), and the scores of experts and gate, (n, columns)."""
        X = Reading.of(X, self.table.kinds_)
        return X.once(self, lambda: self._walk(self.table.matrix(X)))

    def _walk(self, features):
        trunk = trunk_answer(self.trunk, features, self.n_classes)
        if self.joint is None:
            return trunk, np.zeros((len(trunk), self.n_expert_columns + self.n_experts))
        return trunk, self.joint.predict(features, raw_score=True, num_threads=1)

    def matrix(self, X: Table | Reading) -> np.ndarray:
        """Return the gate's scores, which are all that its BoostedGate reads."""
        return self.ask(X)[1][:, self.n_expert_columns :]

    def predict(self, features: np.ndarray, **_: Any) -> np.ndarray:
        """Return the scores as they are, as the booster of a BoostedGate does."""
        return features


class _BoostedExpert(BaseEstimator):
    def __init__(self, trees, number):
        self.trees = trees
        self.number = number

    def __sklearn_is_fitted__(self):
        return True


class BoostedRegressor(RegressorMixin, _BoostedExpert):
    """One expert of a boosted mixture: the trunk's mean and what its own trees add."""

    takes_reading = True

    def __init__(self, trees: BoostedTrees, number: int, centre: float, unit: str):
        super().__init__(trees, number)
        self.centre = centre
        self.unit = unit

    def predict(self, X: Table | Reading) -> np.ndarray:
        trunk, scores = self.trees.ask(X)
        mean = trunk[:, 0]
        if self.trees.n_expert_columns:
            mean = mean + scores[:, self.number]
        return self.centre + self.unit * mean


class BoostedClassifier(ClassifierMixin, _BoostedExpert):
    """One expert of a boosted mixture: the trunk's log-odds and what its own trees add."""

    takes_reading = True

    @property
    def classes_(self) -> np.ndarray:
        return np.arange(self.trees.n_classes)

    def predict_proba(self, X: Table | Reading) -> np.ndarray:
        trunk, scores = self.trees.ask(X)
        if not self.trees.n_expert_columns:
            return np.exp(trunk) / np.exp(trunk).sum(axis=1, keepdims=True)
        return np.exp(expert_log_proba(scores, trunk, self.trees.n_experts)[:, self.number])

    def predict(self, X: Table | Reading) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)
