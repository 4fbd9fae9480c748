"""XGBoost expert: boosted trees, grown level by level."""

from moe_lab.device import resolve_device
from moe_lab.experts._boosting import CodedClassifier, checked_params
from moe_lab.experts.base import Expert, experts
from moe_lab.table import CategoryTable, Prepared


@experts.register("xgboost")
class XGBoostExpert(Expert):
    """Boosted trees of XGBoost; categories and missing values are split on as they are.

    Parameters
    ----------
    n_estimators : int, default=150
        Trees (for each class, where there are more than two).
    learning_rate : float, default=0.1
    max_depth : int, default=6
    params : dict, optional
        Further parameters of `xgboost.XGBRegressor` and `XGBClassifier`, which win.
    """

    def __init__(self, n_estimators=150, learning_rate=0.1, max_depth=6, params=None):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.params = params

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        try:
            import xgboost
        except ImportError as error:
            raise ImportError("xgboost is not installed; run pip install xgboost.") from error
        named = self.get_params(deep=False)
        named.pop("params")
        settings = {
            **named,
            "random_state": random_state,
            "n_jobs": n_jobs or 1,
            "verbosity": 0,
            "device": resolve_device(device),
            "tree_method": "hist",
            "enable_categorical": True,
            **checked_params(self.params, xgboost.XGBModel().get_params(), "xgboost"),
        }
        if task == "regression":
            model = xgboost.XGBRegressor(**settings)
        else:
            model = CodedClassifier(xgboost.XGBClassifier(**settings))
        return Prepared(CategoryTable(), model)
