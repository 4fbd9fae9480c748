"""What both boosters need: checked parameters, and any class codes."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from moe_lab.registry.spelling import unknown_name


def checked_params(params, known, owner):
    """Return a copy of ``params``; a booster itself would ignore a misspelt name.

    Examples
    --------
    >>> checked_params({"max_bins": 63}, ["max_bin", "max_depth"], "xgboost")
    Traceback (most recent call last):
    ValueError: Unknown parameter 'max_bins' of xgboost. Did you mean 'max_bin'? ...
    """
    params = dict(params or {})
    for name in params:
        if name not in known:
            raise ValueError(unknown_name("parameter", name, known, owner=owner))
    return params


class CodedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that may be given any class codes, or a single class.

    xgboost takes codes 0..k-1 without gaps only; both boosters answer a single class with
    probabilities of two.

    Parameters
    ----------
    model : classifier
        It is cloned.
    """

    def __init__(self, model):
        self.model = model

    def fit(self, X, y, sample_weight=None):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.model_ = None
        if len(self.classes_) > 1:
            self.model_ = clone(self.model).fit(X, codes, sample_weight=sample_weight)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X) if self.model_ else np.ones((len(X), 1))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
