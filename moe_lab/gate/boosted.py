"""Boosted gate: boosted trees on the responsibilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from moe_lab.gate.base import FeatureGate, Gate, gates
from moe_lab.likelihood.arrays import log_softmax
from moe_lab.table import CodedTable, share_table

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

LEAST = 1e-9  # an expert that no row trusts starts with this weight


@gates.register("boosted")
class BoostedGate(FeatureGate):
    """Boosted trees of LightGBM on soft targets: for regions that no plane cuts out.

    Starts at the mean responsibilities; categories and missing values are split on as they are.

    Parameters
    ----------
    n_estimators : int, default=50
        Trees for each expert; 0 leaves the weights at their start.
    learning_rate : float, default=0.1
    num_leaves : int, default=15
    min_child_samples : int, default=20
        Least rows in a leaf; None: a fortieth of the rows, 20 at least.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.
    random_state : int, default=0

    Attributes
    ----------
    booster_ : fitted lightgbm.Booster, or None
        None for one expert, for no trees, and where no column can be split into leaves of enough
        rows.
    base_ : ndarray of shape (n_experts,)
        Log weights at the start, to which the trees add.
    """

    takes_reading = True

    def __init__(
        self,
        n_estimators: int = 50,
        learning_rate: float = 0.1,
        num_leaves: int = 15,
        min_child_samples: int = 20,
        columns: list[str | int] | None = None,
        random_state: int = 0,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.columns = columns
        self.random_state = random_state

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        self.table_, coded = share_table(CodedTable(columns=self.columns), X)
        self.categories_ = list(coded.levels)
        return coded.matrix

    def features(self, X: Table | Reading) -> np.ndarray:
        return self.table_.matrix(X)

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        if sample_weight is not None and not np.all(sample_weight > 0):  # these count as absent
            present = np.flatnonzero(sample_weight > 0)
            features, responsibilities = features[present], responsibilities[present]
            sample_weight = sample_weight[present]
        mean = np.average(responsibilities, axis=0, weights=sample_weight)
        self.base_ = np.log(np.maximum(mean, LEAST))
        objective = _likelihood(responsibilities, sample_weight)
        self.booster_ = self._boost(features, objective, self.categories_)
        return self

    def _boost(self, features, objective, categories, **settings):
        """Grow the trees from ``base_`` on; ``objective``: scores -> gradient and Hessian."""
        try:
            import lightgbm
        except ImportError as error:
            raise ImportError("lightgbm is not installed; run pip install lightgbm.") from error
        if len(self.base_) == 1 or self.n_estimators == 0:
            return None
        settings |= {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_child_samples": self.min_child_samples or max(20, len(features) // 40),
            "seed": self.random_state,
            "deterministic": True,
            "force_row_wise": True,  # else two ways are timed first
            "num_threads": 1,
            "verbosity": -1,
        }
        init_score = np.tile(self.base_, (len(features), 1))
        rows = lightgbm.Dataset(
            features, init_score=init_score, params=settings, categorical_feature=categories
        ).construct()
        if not any(rows.feature_num_bin(j) for j in range(rows.num_feature())):
            return None
        settings |= {"objective": objective, "num_class": len(self.base_)}
        return lightgbm.train(settings, rows, num_boost_round=self.n_estimators)

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        if self.booster_ is None:
            return np.tile(log_softmax(self.base_[None]), (len(features), 1))
        raw = self.booster_.predict(features, raw_score=True, num_threads=1)
        return log_softmax(raw + self.base_)


def _likelihood(responsibilities, sample_weight):
    """Return LightGBM's multi-class objective for soft targets: scores -> gradient and Hessian."""
    n_samples, n_experts = responsibilities.shape
    weight = np.ones((n_samples, 1))
    if sample_weight is not None:
        weight = sample_weight[:, None] / np.mean(sample_weight)  # of mean 1: leaves have a least
    factor = n_experts / max(n_experts - 1, 1)  # one score is redundant, as in LightGBM's own

    def gradient_and_hessian(scores, rows):
        p = np.exp(log_softmax(scores))  # (n, k)
        return weight * (p - responsibilities), weight * factor * p * (1 - p)

    return gradient_and_hessian
