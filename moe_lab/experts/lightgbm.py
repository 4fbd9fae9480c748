"""LightGBM expert: boosted trees, grown leaf by leaf."""

from typing import Any

import numpy as np

from moe_lab.device import device_number, resolve_device
from moe_lab.experts.base import Expert, experts
from moe_lab.experts.boosting.boosted import BoostedClassifier, BoostedRegressor
from moe_lab.experts.boosting.trees import Trees, check_stopping, checked_params
from moe_lab.table import CodedTable, Prepared


@experts.register("lightgbm")
class LightGBMExpert(Expert):
    """Boosted trees of LightGBM; categories and missing values are split on as they are.

    Parameters
    ----------
    n_estimators : int, default=150
        Trees (for each class, where there are more than two).
    learning_rate : float, default=0.1
    num_leaves : int, default=31
    min_child_samples : int, default=20
        Least rows in a leaf.
    early_stopping_rounds : int, optional
        Find the number of trees, at most n_estimators, on held-out rows; then fit all rows with
        it. None grows n_estimators.
    params : dict, optional
        Further parameters of LightGBM, by any of its names; they win.
    """

    card_notes = ("device='cuda' needs a LightGBM that is built for it; pip's is not.",)

    def __init__(
        self,
        n_estimators: int = 150,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        min_child_samples: int = 20,
        early_stopping_rounds: int | None = None,
        params: dict | None = None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
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
            import lightgbm
        except ImportError as error:
            raise ImportError("lightgbm is not installed; run pip install lightgbm.") from error
        check_stopping(
            self.early_stopping_rounds, self.params, ["metric", "metrics", "metric_types"]
        )
        named = self.get_params(deep=False)
        named.pop("params"), named.pop("early_stopping_rounds")
        settings = {
            **named,
            "random_state": random_state,
            "n_jobs": n_jobs or 1,
            "verbosity": -1,
            "deterministic": True,
            "force_row_wise": True,  # else two ways are timed first
            **_where(device),
            **checked_params(self.params, _names(lightgbm), "lightgbm"),
        }
        booster = BoostedRegressor if task == "regression" else BoostedClassifier
        model = booster(
            LightGBMTrees(**settings),
            early_stopping_rounds=self.early_stopping_rounds,
            n_classes=n_classes,
            random_state=random_state,
        )
        return Prepared(CodedTable(), model)


class LightGBMTrees(Trees):
    """Trees of LightGBM, by its training function: that takes parts of a binned table."""

    shares_bins = True

    @property
    def most(self) -> int:
        return self._settings()[1]

    def _settings(self):
        """Return the settings without, and then, the number of trees."""
        from lightgbm.basic import _ConfigAliases

        settings = {name: value for name, value in self.settings.items() if value is not None}
        n_trees = settings.pop("n_estimators")
        for alias in _ConfigAliases.get("num_iterations"):
            n_trees = settings.pop(alias, n_trees)
        return settings, n_trees

    def bin(self, X: Any) -> Any:
        from lightgbm import Dataset

        label = np.zeros(len(X))  # asked for, not looked at
        levels = list(X.levels)
        settings = {"params": self._settings()[0], "categorical_feature": levels}
        return Dataset(X.matrix, label=label, **settings).construct()

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
        stop: dict = {"held_out": held_out, "patience": patience}
        return self.grow_on(data, rows, y, weight, n_classes=n_classes, n_trees=n_trees, **stop)

    def grow_on(
        self,
        data: Any,
        rows: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        *,
        n_classes: int | None,
        n_trees: int,
        held_out: tuple | None,
        patience: int | None,
        starts: tuple = (None, None),
        defaults: dict | None = None,
    ) -> tuple[Any, list]:
        """Do as ``grow`` on top of scores: ``starts`` are those of the rows and of those held out;
        ``defaults`` is what the settings leave open."""
        import lightgbm

        params: dict = (defaults or {}) | self._settings()[0]
        losses: dict = {}
        watch: dict = {}
        if not params.keys() & lightgbm.basic._ConfigAliases.get("objective"):
            params["objective"] = _objective(n_classes)
        if n_classes is not None and n_classes > 2:
            params["num_class"] = n_classes
        if held_out is not None:
            stop = lightgbm.early_stopping(patience, first_metric_only=True, verbose=False)
            watch = {
                "valid_sets": [_labelled(_part(data, held_out[0]), *held_out[1:], start=starts[1])],
                "valid_names": ["held_out"],
                "callbacks": [stop, lightgbm.record_evaluation(losses)],
            }
        part = data if len(rows) == data.num_data() else _part(data, rows)
        part = _labelled(part, y, weight, start=starts[0])
        model = lightgbm.train(params, part, n_trees, **watch)
        return model, next(iter(losses["held_out"].values())) if losses else []

    def predict(
        self, model: Any, X: Any, *, n_classes: int | None, n_trees: int | None = None
    ) -> np.ndarray:
        n_threads = self.settings["n_jobs"]
        answer = model.predict(X.matrix, num_iteration=n_trees or -1, num_threads=n_threads)
        return np.column_stack([1 - answer, answer]) if n_classes == 2 else answer


def _objective(n_classes):
    if n_classes is None:
        return "regression"
    return "binary" if n_classes == 2 else "multiclass"


def _part(data, rows):
    return data.subset(rows, params=data.params).construct()


def _labelled(data, y, weight, *, start):
    return data.set_label(y).set_weight(weight).set_init_score(start)


def _names(lightgbm):
    """All names that LightGBM knows; they come from its library, which lists them at first use."""
    native = lightgbm.basic._ConfigAliases
    native.get()
    names = set(lightgbm.LGBMModel().get_params()).union(*native.aliases.values())
    of_wrapper = {"class_weight", "importance_type"}  # LightGBM itself does not know them
    return names - of_wrapper - native.get("early_stopping_round")


def _where(device):
    if device == "auto":  # pip's LightGBM cannot compute on a CUDA device: only by name, then
        return {}
    device = resolve_device(device)
    if device == "cpu":
        return {}
    return {"device_type": "cuda", "gpu_device_id": device_number(device)}
