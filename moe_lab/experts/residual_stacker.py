"""Residual stacker: boosted trees on what a stacker leaves, given the input and the experts."""

from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from moe_lab.experts.base import Expert, experts
from moe_lab.likelihood.stacks import LinearStack, LogLinearStack
from moe_lab.table import Reading, StackedTable
from moe_lab.table.forms import Table

MOST_CLASSES = 30  # each round grows a tree for each class


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
        kind, rounds = ResidualClassifier, 50
        if task == "regression":
            kind, rounds = ResidualRegressor, 100
        return kind(
            rounds if self.n_estimators is None else self.n_estimators,
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
    booster_ : fitted lightgbm.Booster, or None where no trees are grown
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
        self.booster_ = self._boost(X, y, sample_weight, predictions)
        return self

    def _boost(self, X, y, sample_weight, predictions):
        import lightgbm

        objective = self._objective(predictions.shape[2])
        if objective is None or not self.n_estimators:
            return None
        settings = {
            **objective,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": max(20, len(y) // 40),
            "lambda_l2": 10.0,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "seed": self.random_state or 0,
            "num_threads": self.n_jobs or 1,
            "deterministic": True,
            "force_row_wise": True,  # else two ways are timed first
            "verbosity": -1,
        }
        weight = None if sample_weight is None else sample_weight / np.mean(sample_weight)
        target, start = self._target(y, self._anchor(predictions))
        rows = lightgbm.Dataset(
            self.table_.transform(X, predictions),
            target,
            weight=weight,
            init_score=start,
            categorical_feature=self.table_.categories_,
        )
        return lightgbm.train(settings, rows, num_boost_round=self.n_estimators)

    def _correction(self, X, predictions):
        """Return what the trees add, (n_samples,) or (n_samples, n_classes)."""
        if self.booster_ is None:
            return 0.0
        features = self.table_.transform(X, predictions)
        return self.booster_.predict(features, raw_score=True, num_threads=self.n_jobs or 1)


class ResidualRegressor(RegressorMixin, _Residual):
    """The stacker's mean, and trees on what is left of y."""

    takes_reading = True

    def _stack(self):
        return LinearStack()

    def _objective(self, n_outputs):
        return {"objective": "l2", "boost_from_average": False}

    def _anchor(self, predictions):
        return self.stack_.predict(None, predictions=predictions)

    def _target(self, y, anchor):
        return y - anchor, None

    def predict(self, X: Table | Reading, *, predictions: np.ndarray) -> np.ndarray:
        return self._anchor(predictions) + self._correction(X, predictions)


class ResidualClassifier(ClassifierMixin, _Residual):
    """The stacker's log-probabilities, and trees that start there."""

    takes_reading = True

    def _stack(self):
        return LogLinearStack()

    @property
    def classes_(self) -> np.ndarray:
        return self.stack_.classes_

    def _objective(self, n_classes):
        if n_classes > MOST_CLASSES:
            return None
        if n_classes == 2:
            return {"objective": "binary", "boost_from_average": False}
        return {"objective": "multiclass", "num_class": n_classes}

    def _anchor(self, predictions):
        """The stacker's log-probabilities; of two classes the log-odds of the second."""
        logs = self.stack_.predict_log_proba(None, predictions=predictions)
        return logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs

    def _target(self, y, anchor):
        return y, anchor

    def predict_proba(self, X: Table | Reading, *, predictions: np.ndarray) -> np.ndarray:
        scores = self._anchor(predictions) + self._correction(X, predictions)
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros(len(scores)), scores])
        return softmax(scores, axis=1)

    def predict(self, X: Table | Reading, *, predictions: np.ndarray) -> np.ndarray:
        return self.predict_proba(X, predictions=predictions).argmax(axis=1)
