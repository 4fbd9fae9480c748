"""Log-odds stacking: a shrunken linear model on what the experts say out of fold.

Three folds and log-odds are what a plain stacker gains from most; the strongest simple rival.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression, RidgeCV

from moe_lab.experts.base import Expert
from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.methods.base import ClassifierEnsemble, ExpertEnsemble, RegressorEnsemble, methods
from moe_lab.table import log_odds
from moe_lab.table.data import TrainingData
from moe_lab.table.forms import Table
from moe_lab.table.inputs import rows_of_weight


class OutOfFoldStacking(ExpertEnsemble):
    """Fits the experts on all rows, and what joins them on their out-of-fold predictions."""

    def fit(
        self,
        X: Table,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the experts on all rows, and the stacker on their out-of-fold predictions.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        groups : array-like of shape (n_samples,), optional
            Rows of one group are held out together.

        Returns
        -------
        self : estimator
        """
        table, target, weight, group = self._read(X, y, sample_weight, groups)
        built, seeds = self._built_pool(len(target))
        rows = rows_of_weight(sample_weight)
        data = TrainingData(table, target, weight, group, self._task, self._n_classes, rows)
        folds = data.folds(self.cv)
        said = cross_fit(built, data, folds, seeds=seeds, n_jobs=self.n_jobs)
        self.stacker_ = self._stacker().fit(self._features(said), target, sample_weight=weight)
        self._learn_noise(table, target, said, weight, folds)
        self.experts_ = self._fit_all(built, seeds, table, target, weight)
        return self

    def _learn_noise(self, X, y, predictions, weight, folds):
        """Learn how wrong the stack is, from out-of-fold predictions; a plain stack does not."""


class LogOddsStackingRegressor(OutOfFoldStacking, RegressorEnsemble):
    """Ridge regression on the experts' out-of-fold predictions.

    Parameters
    ----------
    experts : "auto" or list of names, (name, params) pairs and estimators, default="auto"
    cv : int, splitter or list of splits, default=3
        Folds; of a number, in the order of the rows.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    n_jobs : int, optional
        Fits at a time.
    random_state : int, RandomState or None

    Attributes
    ----------
    experts_ : list of fitted experts
        Fitted on all rows.
    stacker_ : RidgeCV

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(30.0).reshape(-1, 1) * 7 % 30
    >>> stacking = LogOddsStackingRegressor(["linear"]).fit(X, X[:, 0])
    >>> stacking.predict([[10.0]]).round()
    array([10.])
    """

    def __init__(
        self,
        experts: Any = "auto",
        cv: Any = 3,
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.experts = experts
        self.cv = cv
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _stacker(self):
        return RidgeCV()

    def _features(self, predictions):
        return predictions[:, :, 0]

    def _pool(self, predictions):
        return self.stacker_.predict(self._features(predictions))[:, None]


class LogOddsStackingClassifier(OutOfFoldStacking, ClassifierEnsemble):
    """Logistic regression on the experts' out-of-fold log-odds.

    Parameters
    ----------
    experts, device, n_jobs, random_state
        As in `LogOddsStackingRegressor`.
    cv : int, splitter or list of splits, default=3
        Folds; of a number, in the order of the rows; classes are spread over them.
    C : float, default=0.1
        Inverse L2 strength of the stacker.

    Attributes
    ----------
    experts_ : list of fitted experts
        Fitted on all rows and class codes.
    stacker_ : LogisticRegression
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(
        self,
        experts: Any = "auto",
        cv: Any = 3,
        C: float = 0.1,
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.experts = experts
        self.cv = cv
        self.C = C
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _stacker(self):
        return LogisticRegression(C=self.C, max_iter=1000)

    def _features(self, predictions):
        return log_odds(predictions)

    def _pool(self, predictions):
        return self.stacker_.predict_proba(self._features(predictions))


@methods.register("log_odds_stacking")
class LogOddsStacking(Expert):
    """Logistic regression on out-of-fold log-odds; for regression, ridge on predictions.

    Parameters
    ----------
    experts : "auto" or list, default="auto"
        The same pool as the mixture's.
    cv : int, splitter or list of splits, default=3
        Folds; of a number, in the order of the rows.
    C : float, default=0.1
        Inverse L2 strength of the logistic regression; regression chooses its own.
    """

    def __init__(self, experts: Any = "auto", cv: Any = 3, C: float = 0.1):
        self.experts = experts
        self.cv = cv
        self.C = C

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        settings: dict = {"device": device, "n_jobs": n_jobs, "random_state": random_state}
        if task == "regression":
            return LogOddsStackingRegressor(self.experts, self.cv, **settings)
        return LogOddsStackingClassifier(self.experts, self.cv, self.C, **settings)
