"""XGBoost expert: boosted trees, grown level by level."""

from typing import Any

import numpy as np

from moe_lab.device import resolve_device
from moe_lab.experts.base import Expert, experts
from moe_lab.experts.boosting.boosted import BoostedClassifier, BoostedRegressor
from moe_lab.experts.boosting.trees import Trees, check_stopping, checked_params
from moe_lab.table import CodedTable, Prepared


@experts.register("xgboost")
class XGBoostExpert(Expert):
    """Boosted trees of XGBoost; categories and missing values are split on as they are.

    Parameters
    ----------
    n_estimators : int, default=150
        Trees (for each class, where there are more than two).
    learning_rate : float, default=0.1
    max_depth : int, default=6
    early_stopping_rounds : int, optional
        Find the number of trees, at most n_estimators, on held-out rows; then fit all rows with
        it. None grows n_estimators.
    params : dict, optional
        Further parameters of `xgboost.XGBRegressor` and `XGBClassifier`, which win.
    """

    def __init__(
        self,
        n_estimators: int = 150,
        learning_rate: float = 0.1,
        max_depth: int = 6,
        early_stopping_rounds: int | None = None,
        params: dict | None = None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.early_stopping_rounds = early_stopping_rounds
        self.params = params

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
            import xgboost
        except ImportError as error:
            raise ImportError("xgboost is not installed; run pip install xgboost.") from error
        check_stopping(self.early_stopping_rounds, self.params, ["eval_metric"])
        named = self.get_params(deep=False)
        named.pop("params"), named.pop("early_stopping_rounds")
        settings = {
            **named,
            "random_state": random_state,
            "n_jobs": n_jobs or 1,
            "verbosity": 0,
            "device": resolve_device(device),
            "tree_method": "hist",
            "enable_categorical": True,
            **checked_params(self.params, _names(xgboost), "xgboost"),
        }
        booster = BoostedRegressor if task == "regression" else BoostedClassifier
        model = booster(
            XGBoostTrees(**settings),
            early_stopping_rounds=self.early_stopping_rounds,
            n_classes=n_classes,
            random_state=random_state,
        )
        return Prepared(CodedTable(), model)


def _names(xgboost):
    return set(xgboost.XGBModel().get_params()) - {"early_stopping_rounds"}


class XGBoostTrees(Trees):
    """Trees of XGBoost; its bins cost too little to be worth sharing."""

    growth = 0.5

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
        import xgboost

        kind = xgboost.XGBRegressor if n_classes is None else xgboost.XGBClassifier
        settings = {**self.settings, "n_estimators": n_trees, "early_stopping_rounds": patience}
        settings["feature_types"] = ["c" if j in data.levels else "q" for j in range(data.width)]
        model, watch = kind(**settings), {}
        if held_out is not None:
            test, targets, own = held_out
            watch["eval_set"] = [(data.matrix[test], targets)]
            watch["sample_weight_eval_set"] = [own]
        X = data.matrix if len(rows) == len(data) else data.matrix[rows]
        model.fit(X, y, sample_weight=weight, verbose=False, **watch)
        losses = model.evals_result()["validation_0"] if watch else {"": []}
        return model, list(losses.values())[-1]  # by which xgboost stops

    def predict(
        self, model: Any, X: Any, *, n_classes: int | None, n_trees: int | None = None
    ) -> np.ndarray:
        grown = model.get_booster().num_boosted_rounds()
        n_trees = grown if n_trees is None else min(n_trees, grown)
        ask = model.predict if n_classes is None else model.predict_proba
        return ask(X.matrix, iteration_range=(0, n_trees))
