"""What the baselines share: the mixture's own table checks, experts and class codes."""

from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from moe_lab.device import resolve_device
from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.experts.spec import as_experts, build_experts
from moe_lab.registry import methods
from moe_lab.saving.saves import Saves
from moe_lab.table.forms import Table
from moe_lab.table.inputs import (
    TakesTables,
    as_codes,
    as_numbers,
    check_table,
    check_target,
    read_table,
    read_training,
    warn_of_light_weights,
    weighted_rows,
)

__all__ = ["ClassifierEnsemble", "ExpertEnsemble", "RegressorEnsemble", "methods"]


class ExpertEnsemble(TakesTables, Saves, BaseEstimator):
    """Experts that are fitted to all rows, and the mean of what they say.

    Parameters are those of the mixture, and the same `random_state` gives the same experts as
    there. A subclass may fit otherwise, or pool otherwise.
    """

    def __init__(
        self,
        experts: Any = "auto",
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.experts = experts
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Table, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit every expert on all rows.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self : estimator
        """
        table, target, weight, _ = self._read(X, y, sample_weight)
        built, seeds = self._built_pool(len(target))
        self.experts_ = self._fit_all(built, seeds, table, target, weight)
        return self

    def _pool(self, predictions):
        """Return one answer, (n_samples, n_outputs), from (n_samples, n_experts, n_outputs)."""
        return predictions.mean(axis=1)

    def expert_predictions(self, X: Table) -> np.ndarray:
        """Return what every expert says.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)

        Returns
        -------
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Means (n_outputs = 1) or class probabilities, in the order of `classes_`.
        """
        check_is_fitted(self)
        X = read_table(self, X)
        return np.stack([self._ask(expert, X) for expert in self.experts_], axis=1)

    def _ask(self, expert, X):
        return predict_expert(expert, X, n_classes=self._n_classes)

    def _pooled(self, X):
        return self._pool(self.expert_predictions(X))

    def _read(self, X, y, sample_weight, groups=None):
        """Check what fit was given; rows of weight 0 are as if absent, classes become codes."""
        X = check_table(self, X, reset=True)
        X, y, weight, groups = weighted_rows(X, check_target(X, y), sample_weight, groups)
        warn_of_light_weights(weight)
        return read_training(self, X), self._encode(y), weight, groups

    def _build(self, experts):
        """Return the unfitted estimators and a seed for each."""
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(2**31 - 1, size=len(experts)).tolist()
        resolve_device(self.device)  # an error where it is not there
        classes = self.classes_ if self._n_classes else None
        built = build_experts(experts, self._task, seeds=seeds, classes=classes, device=self.device)
        return built, seeds

    def _built_pool(self, n_samples):
        table = {"n_samples": n_samples, "n_classes": self._n_classes}
        return self._build(as_experts(self.experts, self._task, **table))

    def _fit_all(self, built, seeds, X, y, weight):
        """Fit every expert on all rows."""
        return Parallel(n_jobs=self.n_jobs)(
            delayed(fit_expert)(expert, X, y, weight, task=self._task, random_state=seed)
            for expert, seed in zip(built, seeds, strict=True)
        )


class RegressorEnsemble(RegressorMixin, ExpertEnsemble):
    """An ensemble that predicts a number."""

    _task = "regression"
    _n_classes = None

    def predict(self, X: Table) -> np.ndarray:
        """Return the pooled prediction, shape (n_samples,)."""
        return self._pooled(X)[:, 0]

    def _encode(self, y):
        return as_numbers(y)


class ClassifierEnsemble(ClassifierMixin, ExpertEnsemble):
    """An ensemble that predicts class probabilities."""

    _task = "classification"

    @property
    def _n_classes(self):
        return len(self.classes_)

    def predict_proba(self, X: Table) -> np.ndarray:
        """Return class probabilities, (n_samples, n_classes), in the order of `classes_`."""
        return self._pooled(X)

    def predict(self, X: Table) -> np.ndarray:
        """Return the most probable class, shape (n_samples,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _encode(self, y):
        codes, self.classes_ = as_codes(y)
        return codes
