"""Residual stacker: boosted trees on what a stacker leaves, given the input and the experts."""

from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from moe_lab.experts.base import Expert, experts
from moe_lab.likelihood.correction import Correction
from moe_lab.likelihood.stacks import LinearStack, LogLinearStack
from moe_lab.table import Reading, StackedTable
from moe_lab.table.forms import Table


@experts.register("residual_stacker")
class ResidualStackerExpert(Expert):
    """Small boosted trees that correct `stacker` where input and experts say how.

    The trees read how far the experts disagree, what each of them says, and the table. Their number
    is fixed: chosen on the same out-of-fold predictions it would be biased towards none, since the
    experts that predicted the training rows have seen the labels of the others.

    Parameters
    ----------
    n_estimators : int, optional
        Rounds; default 50 in classification, 100 in regression. More than 30 classes: none.
    learning_rate : float, default=0.05
    num_leaves : int, default=4
    """

    depends_on = "experts"

    def __init__(
        self, n_estimators: int | None = None, learning_rate: float = 0.05, num_leaves: int = 4
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind = ResidualRegressor if task == "regression" else ResidualClassifier
        return kind(
            self.n_estimators,
            self.learning_rate,
            self.num_leaves,
            random_state=random_state,
            n_jobs=n_jobs,
        )


class _Residual(BaseEstimator):
    """What both tasks share.

    Attributes
    ----------
    stack_ : fitted LinearStack or LogLinearStack
    correction_ : fitted Correction
    """

    depends_on = "experts"

    def __init__(self, n_estimators, learning_rate, num_leaves, random_state=None, n_jobs=None):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None, *, predictions):
        X = Reading.of(X)
        self.stack_ = self._stack().fit(X, y, sample_weight, predictions=predictions)
        self.table_ = StackedTable().fit(X)
        self.correction_ = self._boost(X, y, sample_weight, predictions)
        return self

    def _boost(self, X, y, sample_weight, predictions):
        correction, score = Correction(self._task, **self.get_params()), self._anchor(predictions)
        features = self.table_.transform(X, predictions) if correction.grows(score) else None
        return correction.fit(features, y, score, sample_weight, self.table_.categories_)

    def _score(self, X, predictions):
        score = self._anchor(predictions)
        if self.correction_.booster_ is None:
            return score
        return score + self.correction_.predict(self.table_.transform(X, predictions))


class ResidualRegressor(RegressorMixin, _Residual):
    """The stacker's mean, and trees on what is left of y."""

    takes_reading = True
    _task = "regression"

    def _stack(self):
        return LinearStack()

    def _anchor(self, predictions):
        return self.stack_.predict(None, predictions=predictions)

    def predict(self, X: Table | Reading, *, predictions: np.ndarray) -> np.ndarray:
        return self._score(X, predictions)


class ResidualClassifier(ClassifierMixin, _Residual):
    """The stacker's log-probabilities, and trees that start there."""

    takes_reading = True
    _task = "classification"

    def _stack(self):
        return LogLinearStack()

    @property
    def classes_(self) -> np.ndarray:
        return self.stack_.classes_

    def _anchor(self, predictions):
        return self.stack_.predict_log_proba(None, predictions=predictions)

    def predict_proba(self, X: Table | Reading, *, predictions: np.ndarray) -> np.ndarray:
        return softmax(self._score(X, predictions), axis=1)

    def predict(self, X: Table | Reading, *, predictions: np.ndarray) -> np.ndarray:
        return self.predict_proba(X, predictions=predictions).argmax(axis=1)
