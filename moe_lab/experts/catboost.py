"""CatBoost expert: boosted symmetric trees."""

import inspect
from typing import Any

import numpy as np

from moe_lab.device import device_number, resolve_device
from moe_lab.experts.base import Expert, experts
from moe_lab.experts.boosting.boosted import BoostedClassifier, BoostedRegressor
from moe_lab.experts.boosting.trees import Trees, check_stopping, checked_params
from moe_lab.table import CodedTable, Prepared, rows_of

# CatBoost refuses two names of one setting.
SAME = {
    "iterations": "n_estimators",
    "num_boost_round": "n_estimators",
    "num_trees": "n_estimators",
    "eta": "learning_rate",
    "max_depth": "depth",
    "random_seed": "random_state",
}
DEPTH, LESS_DEPTH, MANY_CLASSES = 6, 4, 10
NOTHING_TO_SPLIT = "All features are either constant or ignored"
NOTHING_LEFT = "Too few sampling units"  # what CatBoost says where all residuals are 0


@experts.register("catboost")
class CatBoostExpert(Expert):
    """Boosted symmetric trees of CatBoost (Prokhorenkova et al., 2018); categories by their target
    statistics.

    Parameters
    ----------
    n_estimators : int, default=300
        Trees.
    learning_rate : float, default=0.06
    depth : int, optional
        Default 6; 4 for more than 10 classes, since a leaf costs by the class.
    early_stopping_rounds : int, optional
        Find the number of trees, at most n_estimators, on held-out rows; then fit all rows with
        it. None grows n_estimators.
    params : dict, optional
        Further parameters of `catboost.CatBoostRegressor` and `CatBoostClassifier`, which win.
    """

    card_notes = ("CatBoost is optional: pip install 'moe_lab[catboost]'.",)

    def __init__(
        self,
        n_estimators: int = 300,
        learning_rate: float = 0.06,
        depth: int | None = None,
        early_stopping_rounds: int | None = None,
        params: dict | None = None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.depth = depth
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
            import catboost
        except ImportError as error:
            raise ImportError(
                "catboost is not installed; run pip install catboost, or 'moe_lab[catboost]'."
            ) from error
        check_stopping(self.early_stopping_rounds, self.params, ["eval_metric", "custom_metric"])
        named = self.get_params(deep=False)
        named.pop("params"), named.pop("early_stopping_rounds")
        if self.depth is None:
            named["depth"] = LESS_DEPTH if (n_classes or 0) > MANY_CLASSES else DEPTH
        own = checked_params(self.params, _names(catboost), "catboost")
        settings = {
            **named,
            "random_state": random_state,
            "thread_count": n_jobs or 1,
            "verbose": False,
            "allow_writing_files": False,
            "allow_const_label": True,
            "max_ctr_complexity": 1,  # pairs of categories cost far more than they gain
            **_where(device),
            **{SAME.get(name, name): value for name, value in own.items()},
        }
        booster = BoostedRegressor if task == "regression" else BoostedClassifier
        model = booster(
            CatBoostTrees(**settings),
            early_stopping_rounds=self.early_stopping_rounds,
            n_classes=n_classes,
            random_state=random_state,
        )
        return Prepared(CodedTable(), model)


def _names(catboost):
    both = (catboost.CatBoostRegressor, catboost.CatBoostClassifier)
    names = {name for kind in both for name in inspect.signature(kind.__init__).parameters}
    # CatBoost's own silence settings, of which only one may be given
    quiet = {"silent", "verbose_eval", "logging_level"}
    return names - {"self", "early_stopping_rounds", "od_wait", "od_type"} - quiet


def _where(device):
    device = resolve_device(device)
    if device == "cpu":
        return {"task_type": "CPU"}
    return {"task_type": "GPU", "devices": str(device_number(device))}


class CatBoostTrees(Trees):
    """Trees of CatBoost; its bins cost too little to be worth sharing."""

    growth = 0.4

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
        import catboost

        kind = catboost.CatBoostRegressor if n_classes is None else catboost.CatBoostClassifier
        model, watch = kind(**{**self.settings, "n_estimators": n_trees}), {}
        if held_out is not None:
            watch["eval_set"] = _pool(rows_of(data, held_out[0]), *held_out[1:])
            watch |= {"early_stopping_rounds": patience, "use_best_model": False}
        X = data if len(rows) == len(data) else rows_of(data, rows)
        pool = _pool(X, y, weight)
        try:
            model.fit(pool, **watch)
        except catboost.CatBoostError as error:
            if NOTHING_TO_SPLIT in str(error):
                return _constant(y, weight, n_classes), []
            if NOTHING_LEFT not in str(error):
                raise
            whole = {"bootstrap_type": "No", "subsample": None, "n_estimators": n_trees}
            model = kind(**{**self.settings, **whole}).fit(pool, **watch)
        if not watch:
            return model, []
        losses = model.get_evals_result()["validation"]
        loss = model.get_all_params()["eval_metric"]
        return model, losses[loss]

    def predict(
        self, model: Any, X: Any, *, n_classes: int | None, n_trees: int | None = None
    ) -> np.ndarray:
        if isinstance(model, np.ndarray):
            return np.repeat(model, len(X), axis=0)
        n_trees = min(n_trees or model.tree_count_, model.tree_count_)
        kind = "RawFormulaVal" if n_classes is None else "Probability"
        return model.predict(_pool(X), prediction_type=kind, ntree_end=n_trees, thread_count=1)


def _constant(y, weight, n_classes):
    """Return what trees without a split predict: the mean, or the class shares; one row."""
    if n_classes is None:
        return np.array([np.average(y, weights=weight)])
    shares = np.bincount(y, weight, minlength=n_classes)
    return (shares / shares.sum())[None, :]


def _pool(X, y=None, weight=None):
    """CatBoost's own table: categories are strings, a missing one is a string of its own."""
    from catboost import Pool

    if not X.levels:
        return Pool(X.matrix, y, weight=weight)
    levels = [X.names[place] for place in X.levels]
    return Pool(X.texts, y, cat_features=levels, weight=weight)
