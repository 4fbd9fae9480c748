"""Correction: small boosted trees that add to a score which is already good."""

from typing import Any, Self

import numpy as np

MOST_CLASSES = 30  # each round grows a tree for each class
ROUNDS = {"regression": 100, "classification": 50}
SHRINKAGE = {
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
}


class Correction:
    """Boosted trees of LightGBM on what a score leaves of y.

    Their number is fixed: chosen on out-of-fold predictions it would be biased towards none, since
    the experts that predicted the training rows have seen the labels of the others.

    Parameters
    ----------
    task : {"regression", "classification"}
    n_estimators : int, optional
        Rounds; default 50 in classification, 100 in regression. More than 30 classes: none.
    learning_rate : float, default=0.05
    num_leaves : int, default=4
    random_state : int, optional
    n_jobs : int, optional

    Attributes
    ----------
    booster_ : fitted lightgbm.Booster, or None where no trees are grown
    """

    def __init__(
        self,
        task: str,
        n_estimators: int | None = None,
        learning_rate: float = 0.05,
        num_leaves: int = 4,
        random_state: int | None = None,
        n_jobs: int | None = None,
    ):
        self.task = task
        self.n_estimators = ROUNDS[task] if n_estimators is None else n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.random_state = random_state
        self.n_jobs = n_jobs

    def grows(self, score: np.ndarray) -> bool:
        """Say whether there will be trees; where not, there is nothing to ``predict``."""
        return self.n_estimators > 0 and (score.ndim == 1 or score.shape[1] <= MOST_CLASSES)

    def fit(
        self,
        features: np.ndarray | None,
        y: np.ndarray,
        score: np.ndarray,
        sample_weight: np.ndarray | None = None,
        categories: list[int] | None = None,
    ) -> Self:
        """Grow the trees.

        Parameters
        ----------
        features : ndarray of shape (n_samples, n_columns), or None where none ``grows``
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Means, or log-probabilities.
        sample_weight : ndarray of shape (n_samples,), optional
        categories : list of int, optional
            Columns of codes.
        """
        self.n_scores_ = 1 if score.ndim == 1 else score.shape[1]
        self.booster_: Any = None
        if not self.grows(score):
            return self
        import lightgbm

        target, start = (y - score, None) if score.ndim == 1 else (y, _margin(score))
        rows = lightgbm.Dataset(
            features,
            target,
            weight=None if sample_weight is None else sample_weight / np.mean(sample_weight),
            init_score=start,
            categorical_feature=categories or [],
        )
        settings = self._settings(len(y))
        self.booster_ = lightgbm.train(settings, rows, num_boost_round=self.n_estimators)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return what the trees add, (n_samples,) or (n_samples, n_classes)."""
        added = self.booster_.predict(features, raw_score=True, num_threads=self.n_jobs or 1)
        if self.n_scores_ == 2:
            return np.column_stack([np.zeros(len(added)), added])
        return added

    def _settings(self, n_samples) -> dict[str, Any]:
        return {
            **_objective(self.n_scores_),
            **SHRINKAGE,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": max(20, n_samples // 40),
            "seed": self.random_state or 0,
            "num_threads": self.n_jobs or 1,
            "deterministic": True,
            "force_row_wise": True,  # else two ways are timed first
            "verbosity": -1,
        }


def _objective(n_scores):
    if n_scores == 1:
        return {"objective": "l2", "boost_from_average": False}
    if n_scores == 2:
        return {"objective": "binary", "boost_from_average": False}
    return {"objective": "multiclass", "num_class": n_scores}


def _margin(score):
    """Of two classes, the log-odds of the second."""
    return score[:, 1] - score[:, 0] if score.shape[1] == 2 else score
