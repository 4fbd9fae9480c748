"""What both boosters need around their classifiers."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone


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
