"""Linear leaves: boosted trees that end in a line each."""

from typing import Any

from moe_lab.experts.base import Expert, experts
from moe_lab.experts.lightgbm import LightGBMExpert


@experts.register("linear_leaves")
class LinearLeavesExpert(Expert):
    """Boosted trees of LightGBM whose leaves hold a line each: they extrapolate.

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
        return built.set_params(model__stop_on="part")
