"""Linear leaves: boosted trees that end in a line each."""

from dataclasses import replace
from typing import Any

import numpy as np

from moe_lab.experts.base import Expert, experts
from moe_lab.experts.lightgbm import LightGBMExpert, LightGBMTrees
from moe_lab.experts.linear import BEYOND


@experts.register("linear_leaves")
class LinearLeavesExpert(Expert):
    """Boosted trees of LightGBM whose leaves hold a line each: they extrapolate.

    A row is drawn in to within twice the range of each column, since a line goes on anywhere.

    Parameters
    ----------
    n_estimators : int, default=1500
        Trees at most; how many is found on held-out rows.
    learning_rate : float, default=0.1
    num_leaves : int, default=15
    ridge : float, default=1.0
        Penalty on the slopes of the lines.
    early_stopping_rounds : int, default=30

    References
    ----------
    Shi, Li & Li (2019), Gradient boosting with piece-wise linear regression trees.
    """

    def __init__(
        self,
        n_estimators: int = 1500,
        learning_rate: float = 0.1,
        num_leaves: int = 15,
        ridge: float = 1.0,
        early_stopping_rounds: int = 30,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.ridge = ridge
        self.early_stopping_rounds = early_stopping_rounds

    def build(self, task: str, **settings: Any) -> Any:
        named = self.get_params(deep=False)
        lines = {"linear_tree": True, "linear_lambda": named.pop("ridge")}
        built = LightGBMExpert(**named, params=lines).build(task, **settings)
        trees = LeafLines(**built.model.trees.get_params())
        return built.set_params(model__trees=trees, model__stop_on="part")


class LeafLines(LightGBMTrees):
    """Trees of LightGBM with lines in their leaves, and how far each column was seen to go."""

    def bin(self, X: Any) -> Any:
        return super().bin(X), X.matrix

    def grow(self, data: Any, rows: np.ndarray, *target: np.ndarray, **settings: Any) -> Any:
        binned, matrix = data
        trees, losses = super().grow(binned, rows, *target, **settings)
        return (_ends(matrix[rows]), trees), losses

    def predict(self, model: Any, X: Any, **settings: Any) -> np.ndarray:
        ends, trees = model
        return super().predict(trees, replace(X, matrix=np.clip(X.matrix, *ends)), **settings)


def _ends(matrix):
    """Return the least and the largest number that is read of each column; any where all is
    missing."""
    low, high = np.fmin.reduce(matrix), np.fmax.reduce(matrix)
    beyond = BEYOND * (high - low)
    return np.nan_to_num(low - beyond, nan=-np.inf), np.nan_to_num(high + beyond, nan=np.inf)
