"""Soft average: the same experts, each trusted alike everywhere."""

from typing import Any

from moe_lab.experts.base import Expert
from moe_lab.methods.base import ClassifierEnsemble, RegressorEnsemble, methods


class AverageRegressor(RegressorEnsemble):
    """The mean of the experts' predictions.

    Parameters
    ----------
    experts : "auto" or list of names, (name, params) pairs and estimators, default="auto"
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    n_jobs : int, optional
        Fits at a time.
    random_state : int, RandomState or None

    Attributes
    ----------
    experts_ : list of fitted experts

    Examples
    --------
    >>> average = AverageRegressor(["linear"]).fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
    >>> average.predict([[1.0]])
    array([2.])
    """


class AverageClassifier(ClassifierEnsemble):
    """The mean of the experts' class probabilities.

    Parameters
    ----------
    experts, device, n_jobs, random_state
        As in `AverageRegressor`.

    Attributes
    ----------
    experts_ : list of fitted experts
        Fitted on class codes.
    classes_ : ndarray of shape (n_classes,)
    """


@methods.register("average")
class Average(Expert):
    """Soft average: the mean of the experts' predictions or probabilities.

    Parameters
    ----------
    experts : "auto" or list, default="auto"
        The same pool as the mixture's.
    """

    def __init__(self, experts: Any = "auto"):
        self.experts = experts

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind = AverageRegressor if task == "regression" else AverageClassifier
        return kind(self.experts, device=device, n_jobs=n_jobs, random_state=random_state)
