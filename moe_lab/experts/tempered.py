"""A fitted classifier whose probabilities are as sharp as held-out rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from moe_lab.experts.fitting import predict_expert
from moe_lab.likelihood.temper import temper

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


class Tempered(ClassifierMixin, BaseEstimator):
    """A fitted classifier of class codes, tempered.

    Parameters
    ----------
    model : fitted classifier
    temperature : float
    n_classes : int
        Classes that the model never saw get little probability.
    """

    takes_reading = True  # and hands on what its model takes

    def __init__(self, model: Any, temperature: float, n_classes: int):
        self.model = model
        self.temperature = temperature
        self.n_classes = n_classes

    @property
    def classes_(self) -> np.ndarray:
        return np.arange(self.n_classes)

    def predict_proba(self, X: Table | Reading) -> np.ndarray:
        probabilities = predict_expert(self.model, X, n_classes=self.n_classes)
        return temper(probabilities[:, None], [self.temperature])[:, 0]

    def predict(self, X: Table | Reading) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return hasattr(self.model, "classes_")
