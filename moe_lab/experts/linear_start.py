"""Linear start: boosted trees on top of a linear model, which knows what lies beyond the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, TransformerMixin

from moe_lab.experts.base import Expert, experts
from moe_lab.experts.lightgbm import LightGBMExpert, LightGBMTrees
from moe_lab.experts.linear import GaussianLinear, SoftmaxLinear
from moe_lab.likelihood.arrays import logits
from moe_lab.table import CodedTable, NumericTable, Prepared, Reading

if TYPE_CHECKING:
    from moe_lab.table.category import Coded
    from moe_lab.table.forms import Table

MANY_ROWS, FEW_LEAVES, MANY_LEAVES = 16_000, 31, 127
SETTINGS = {
    "reg_lambda": 3.0,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
}


@experts.register("linear_start")
class LinearStartExpert(Expert):
    """Boosted trees of LightGBM that start at the answer of `linear`, fitted to the same rows.

    Trees say nothing beyond the rows that they have seen; the line below them does.

    Parameters
    ----------
    n_estimators : int, default=2000
        Trees at most; how many is found on held-out rows.
    learning_rate : float, default=0.1
    num_leaves : int, optional
        Default: 31, from 16,000 rows on 127.
    min_child_samples : int, default=20
        Least rows in a leaf.
    alpha : float, default=1.0
        Of the linear model, as in `LinearExpert`.
    early_stopping_rounds : int, default=30
    """

    def __init__(
        self,
        n_estimators: int = 2000,
        learning_rate: float = 0.1,
        num_leaves: int | None = None,
        min_child_samples: int = 20,
        alpha: float = 1.0,
        early_stopping_rounds: int = 30,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.alpha = alpha
        self.early_stopping_rounds = early_stopping_rounds

    def build(self, task: str, **settings: Any) -> Any:
        named = self.get_params(deep=False)
        alpha = named.pop("alpha")
        booster = LightGBMExpert(**named, params=SETTINGS).build(task, **settings).model
        trees = StartedTrees(alpha, **booster.trees.get_params())
        return Prepared(StartTable(), booster.set_params(trees=trees, stop_on="part"))


@dataclass
class Started:
    """A table twice: as trees read it, and as a linear model does."""

    coded: Coded
    numbers: np.ndarray

    def __len__(self):
        return len(self.numbers)

    def rows(self, rows: slice | np.ndarray) -> Started:
        """Return some rows, a slice or positions."""
        return Started(self.coded.rows(rows), self.numbers[rows])


class StartTable(TransformerMixin, BaseEstimator):
    """Turns a table into `Started`."""

    takes_reading = True

    def fit(
        self, X: Table | Reading, y: Any = None, sample_weight: np.ndarray | None = None
    ) -> Self:
        X = Reading.of(X)
        X.open_for(self, reset=True)
        self.coded_ = CodedTable().fit(X)
        self.numeric_ = NumericTable(scale=True).fit(X, sample_weight=sample_weight)
        return self

    def transform(self, X: Table | Reading) -> Started:
        X = Reading.of(X, self.coded_.kinds_)
        return Started(self.coded_.transform(X), self.numeric_.transform(X))


class StartedTrees(LightGBMTrees):
    """Trees of LightGBM that start at a linear model, which is fitted with them.

    Parameters
    ----------
    alpha : float
        Of the linear model.
    **settings
        Of the trees.
    """

    def __init__(self, alpha: float = 1.0, **settings: Any):
        super().__init__(**settings)
        self.alpha = alpha

    def get_params(self, deep: bool = True) -> dict:
        return {"alpha": self.alpha, **self.settings}

    def bin(self, X: Any) -> Any:
        return super().bin(X.coded), X.numbers

    def grow(
        self,
        data: Any,
        rows: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        *,
        n_classes: int | None,
        n_trees: int,
        held_out: tuple | None = None,
        patience: int | None = None,
    ) -> tuple[Any, list]:
        binned, numbers = data
        line = GaussianLinear(self.alpha) if n_classes is None else SoftmaxLinear(self.alpha)
        line.fit(numbers[rows], y, sample_weight=weight)
        starts = _scores(line, numbers[rows]), held_out and _scores(line, numbers[held_out[0]])
        many = {"num_leaves": MANY_LEAVES if len(numbers) >= MANY_ROWS else FEW_LEAVES}
        trees, losses = self.grow_on(
            binned,
            rows,
            y,
            weight,
            n_classes=n_classes,
            n_trees=n_trees,
            held_out=held_out,
            patience=patience,
            starts=starts,
            defaults=many,
        )
        return (line, trees), losses

    def predict(
        self, model: Any, X: Any, *, n_classes: int | None, n_trees: int | None = None
    ) -> np.ndarray:
        line, trees = model
        n_threads = self.settings["n_jobs"]
        settings = {"raw_score": True, "num_threads": n_threads}
        added = trees.predict(X.coded.matrix, num_iteration=n_trees or -1, **settings)
        scores = _scores(line, X.numbers) + added
        if n_classes is None:
            return scores
        if n_classes > 2:
            return softmax(scores, axis=1)
        return np.column_stack([expit(-scores), expit(scores)])


def _scores(line, numbers):
    """Return what a linear model says before it becomes a probability; of two classes one."""
    if isinstance(line, GaussianLinear):
        return line.predict(numbers)
    scores = logits(numbers, line.coef_)
    return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores
