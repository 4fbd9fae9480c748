"""Capacity-matched ensemble: as many models as a mixture has experts, without any routing."""

from typing import Any

import numpy as np
from joblib import Parallel, delayed

from moe_lab.experts.base import Expert
from moe_lab.experts.fitting import fit_expert
from moe_lab.experts.spec import as_expert
from moe_lab.methods.base import ClassifierEnsemble, RegressorEnsemble, methods


class _MatchedEnsemble:
    def __init__(
        self,
        expert="lightgbm",
        n_members=4,
        row_share=0.8,
        column_share=0.8,
        *,
        device="auto",
        n_jobs=None,
        random_state=None,
    ):
        self.expert = expert
        self.n_members = n_members
        self.row_share = row_share
        self.column_share = column_share
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Fit every member on its own rows and columns.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self : estimator
        """
        self._check()
        X, y, weight, _ = self._read(X, y, sample_weight)
        built, seeds = self._build([as_expert(self.expert, self._task)] * self.n_members)
        self.experts_ = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_member)(
                member, X, y, weight, self._share(X, seed), task=self._task, seed=seed
            )
            for member, seed in zip(built, seeds, strict=True)
        )
        return self

    def _check(self):
        if self.n_members < 1:
            raise ValueError(f"n_members must be at least 1, got n_members={self.n_members}.")
        for name in ("row_share", "column_share"):
            share = getattr(self, name)
            if not 0 < share <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {name}={share}.")

    def _share(self, X, seed):
        """Draw a member's rows and columns: without replacement, one of each at least."""
        rng = np.random.default_rng(seed)
        shares = zip(X.shape, (self.row_share, self.column_share), strict=True)
        return [
            np.sort(rng.choice(count, max(1, round(share * count)), replace=False))
            for count, share in shares
        ]

    def _ask(self, expert, X):
        columns, member = expert
        return super()._ask(member, X.columns(columns))

    def _pool(self, predictions):
        return predictions.mean(axis=1)


def _fit_member(member, X, y, weight, share, *, task, seed):
    rows, columns = share
    X = X.columns(columns).rows(rows)
    return columns, fit_expert(member, X, y[rows], weight[rows], task=task, random_state=seed)


class MatchedEnsembleRegressor(_MatchedEnsemble, RegressorEnsemble):
    """The mean of one expert, fitted several times on different rows and columns.

    Parameters
    ----------
    expert : name, (name, params) pair or estimator, default="lightgbm"
    n_members : int, default=4
        As many as the mixture to compare with has experts.
    row_share, column_share : float in (0, 1], default=0.8
        The share of rows and columns that a member sees; different ones for each.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    n_jobs : int, optional
        Fits at a time.
    random_state : int, RandomState or None

    Attributes
    ----------
    experts_ : list of (columns, fitted expert) pairs

    Examples
    --------
    >>> X = np.arange(20.0).reshape(10, 2)
    >>> ensemble = MatchedEnsembleRegressor("linear", n_members=3).fit(X, X[:, 0])
    >>> ensemble.expert_predictions(X).shape
    (10, 3, 1)
    """


class MatchedEnsembleClassifier(_MatchedEnsemble, ClassifierEnsemble):
    """The mean class probabilities of one expert, fitted on different rows and columns.

    Parameters
    ----------
    expert, n_members, row_share, column_share, device, n_jobs, random_state
        As in `MatchedEnsembleRegressor`.

    Attributes
    ----------
    experts_ : list of (columns, fitted expert) pairs
    classes_ : ndarray of shape (n_classes,)
    """


@methods.register("matched_ensemble")
class MatchedEnsemble(Expert):
    """Capacity-matched ensemble: one expert several times, on different rows and columns.

    Parameters
    ----------
    expert : name, (name, params) pair or estimator, default="lightgbm"
    n_members : int, default=4
        As many as the mixture to compare with has experts.
    row_share, column_share : float in (0, 1], default=0.8
    """

    def __init__(
        self,
        expert: Any = "lightgbm",
        n_members: int = 4,
        row_share: float = 0.8,
        column_share: float = 0.8,
    ):
        self.expert = expert
        self.n_members = n_members
        self.row_share = row_share
        self.column_share = column_share

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind = MatchedEnsembleRegressor if task == "regression" else MatchedEnsembleClassifier
        settings = {"device": device, "n_jobs": n_jobs, "random_state": random_state}
        return kind(**self.get_params(deep=False), **settings)
