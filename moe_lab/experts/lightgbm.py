"""LightGBM expert: boosted trees, grown leaf by leaf."""

from moe_lab.device import device_number, resolve_device
from moe_lab.experts._boosting import CodedClassifier, checked_params
from moe_lab.experts.base import Expert, experts
from moe_lab.table import CategoryTable, Prepared


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
    params : dict, optional
        Further parameters of LightGBM, by any of its names; they win.
    """

    card_notes = ("device='cuda' needs a LightGBM that is built for it; pip's is not.",)

    def __init__(
        self,
        n_estimators=150,
        learning_rate=0.1,
        num_leaves=31,
        min_child_samples=20,
        params=None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.params = params

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        try:
            import lightgbm
        except ImportError as error:
            raise ImportError("lightgbm is not installed; run pip install lightgbm.") from error
        named = self.get_params(deep=False)
        named.pop("params")
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
        if task == "regression":
            model = lightgbm.LGBMRegressor(**settings)
        else:
            model = CodedClassifier(lightgbm.LGBMClassifier(**settings))
        return Prepared(CategoryTable(), model)


def _names(lightgbm):
    """All names that LightGBM knows; they come from its library, which lists them at first use."""
    native = lightgbm.basic._ConfigAliases
    native.get()
    return set(lightgbm.LGBMModel().get_params()).union(*native.aliases.values())


def _where(device):
    if device == "auto":  # pip's LightGBM cannot compute on a CUDA device: only by name, then
        return {}
    device = resolve_device(device)
    if device == "cpu":
        return {}
    return {"device_type": "cuda", "gpu_device_id": device_number(device)}
