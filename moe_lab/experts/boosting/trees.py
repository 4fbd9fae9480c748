"""How a library grows trees, and its parameters checked."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.registry.spelling import unknown_name


class Trees(BaseEstimator):
    """How one library grows trees; its settings are the parameters.

    A subclass has ``grow`` and ``predict``.
    """

    shares_bins = False  # whether folds gain from `bin`
    growth = 0.6  # of the seconds with the rows: much of them is spent on each tree anyway

    def __init__(self, **settings: Any):
        self.settings = settings

    def get_params(self, deep: bool = True) -> dict:
        return dict(self.settings)

    def set_params(self, **settings: Any) -> Self:
        self.settings.update(settings)
        return self

    @property
    def most(self) -> int:
        """The number of trees that the settings ask for."""
        return self.settings["n_estimators"]

    def bin(self, X: Any) -> Any:
        """Return what ``grow`` takes rows from: the table, or a binned copy of it."""
        return X

    def grow(
        self,
        data: Any,
        rows: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        *,
        n_classes: int | None,
        n_trees: int,
        held_out: tuple | None = None,
        patience: int | None = None,
    ) -> tuple[Any, list]:
        """Grow trees on some rows.

        Parameters
        ----------
        data : what ``bin`` returned
        rows : ndarray of int, ascending
        y, weight : ndarrays of shape (len(rows),)
            Floats, or codes 0..n_classes-1 that are all there; weight may be None.
        n_classes : int or None
            None: regression.
        n_trees : int
        held_out : (rows, y, weight), optional
            Stop when their loss has not improved for ``patience`` trees.

        Returns
        -------
        model : object that ``predict`` asks
        losses : ndarray
            Held-out loss for 1, 2, ... trees; empty where nothing is held out.
        """
        raise NotImplementedError

    def predict(
        self, model: Any, X: Any, *, n_classes: int | None, n_trees: int | None = None
    ) -> np.ndarray:
        """Ask the first trees, or all.

        Returns
        -------
        predictions : ndarray of shape (n_samples,), or (n_samples, n_classes) of probabilities
        """
        raise NotImplementedError


def checked_params(params: dict | None, known: Iterable[str], owner: str) -> dict:
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


def check_stopping(
    early_stopping_rounds: int | None, params: dict | None, metrics: Iterable[str]
) -> None:
    """Refuse a metric of one's own beside early stopping, which takes less for better.

    Examples
    --------
    >>> check_stopping(10, {"metric": "auc"}, ["metric"])
    Traceback (most recent call last):
    ValueError: early_stopping_rounds stops by the loss that is minimised: params must leave out ...
    """
    params = params or {}
    own = sorted(set(params) & set(metrics))
    if early_stopping_rounds is not None and own:
        raise ValueError(
            "early_stopping_rounds stops by the loss that is minimised: params must leave out "
            f"{', '.join(own)}, got {own[0]}={params[own[0]]!r}."
        )
