"""Stacking as scikit-learn does it: the rival that everybody has."""

from typing import Any

import numpy as np
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.utils import check_random_state

from moe_lab.experts.base import Expert
from moe_lab.experts.labels import of_codes
from moe_lab.experts.spec import as_experts
from moe_lab.methods.base import methods
from moe_lab.table.folds import make_folds
from moe_lab.table.inputs import as_codes


class _Grouped:
    """What scikit-learn's stacking cannot be told: to hold out whole groups, and labels in its
    experts' parameters, which are fitted to codes of the classes."""

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit as scikit-learn does.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Every expert must take them.
        groups : array-like of shape (n_samples,), optional
            Rows of one group are held out together.

        Returns
        -------
        self : estimator
        """
        weights = {} if sample_weight is None else {"sample_weight": np.asarray(sample_weight)}
        given = self.get_params(deep=False)
        if groups is not None:
            self.cv = self._grouped_folds(y, groups)
        if self._task == "classification":
            self.estimators = of_codes(self.estimators, as_codes(y)[1])
        try:
            return super().fit(X, y, **weights)
        finally:
            self.set_params(**given)

    def _grouped_folds(self, y, groups):
        cv = 5 if self.cv is None else self.cv  # 5 is what scikit-learn takes None for
        folds = make_folds(np.asarray(y), task=self._task, cv=cv, groups=groups)
        if not folds:
            raise ValueError(
                f"groups must hold at least two groups to stack over, got {len(np.unique(groups))} "
                f"in {len(y)} rows; leave groups out, or use more rows."
            )
        return folds


class GroupedStackingRegressor(_Grouped, StackingRegressor):
    """scikit-learn's StackingRegressor, whose `fit` takes `groups` as well.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X, y = np.arange(20.0).reshape(-1, 1), np.arange(20.0)
    >>> stacking = GroupedStackingRegressor([("line", LinearRegression())])
    >>> stacking.fit(X, y, groups=np.arange(20) // 2).predict([[3.0]]).round(1)
    array([3.])
    """

    _task = "regression"


class GroupedStackingClassifier(_Grouped, StackingClassifier):
    """scikit-learn's StackingClassifier, whose `fit` takes `groups` as well."""

    _task = "classification"


@methods.register("stacking")
class Stacking(Expert):
    """scikit-learn's own stacking: logistic or ridge regression on out-of-fold predictions.

    Parameters
    ----------
    experts : "auto" or list, default="auto"
        The pool of the mixture; "auto" as on few rows, since how many is not known beforehand.
    cv : int, splitter or list of splits, default=5
        Folds; 5 is scikit-learn's default.
    """

    def __init__(self, experts: Any = "auto", cv: Any = 5):
        self.experts = experts
        self.cv = cv

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind = GroupedStackingRegressor if task == "regression" else GroupedStackingClassifier
        pool = as_experts(self.experts, task, n_classes=n_classes)
        seeds = check_random_state(random_state).randint(2**31 - 1, size=len(pool)).tolist()
        # n_classes stays open: stacking itself encodes the classes of the rows that it is given.
        built = [
            (f"expert{k}", expert.build(task, random_state=seed, device=device, n_jobs=1))
            for k, (expert, seed) in enumerate(zip(pool, seeds, strict=True))
        ]
        return kind(built, cv=self.cv, n_jobs=n_jobs)
