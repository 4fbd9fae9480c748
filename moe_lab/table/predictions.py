"""What experts say, as features of a model on the level above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.table.category import CategoryTable

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

MIN_PROBABILITY = 1e-5  # trees say 0 and 1; a log-odds is 11.5 at most


def log_odds(probabilities: np.ndarray, least: float = MIN_PROBABILITY) -> np.ndarray:
    """Return how surely each expert says each class.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_experts, n_classes)
    least : float
        Where they are clipped before the log.

    Returns
    -------
    features : ndarray of shape (n_samples, n_experts) or (n_samples, n_experts * n_classes)
        In nats. Two classes: one log-odds for each expert; more: log-probabilities, centred over
        the classes.

    Examples
    --------
    >>> log_odds(np.array([[[0.5, 0.5], [0.1, 0.9]]])).round(2)
    array([[0. , 2.2]])
    """
    logs = np.log(np.clip(probabilities, least, 1 - least))
    if logs.shape[2] == 2:
        return logs[:, :, 1] - logs[:, :, 0]
    return (logs - logs.mean(axis=2, keepdims=True)).reshape(len(logs), -1)


class StackedTable(BaseEstimator):
    """A table and what the experts say of it, as boosted trees read both: one matrix of floats.

    Categories are codes; behind the columns of the table stand how far the experts disagree, and
    each one's word.

    Parameters
    ----------
    columns : list of str or int, optional
        The columns of the table to read. Default all.

    Attributes
    ----------
    categories_ : list of int
        Which columns of the matrix hold codes.

    Examples
    --------
    >>> import pandas as pd
    >>> table = StackedTable().fit(pd.DataFrame({"colour": ["red", "blue"]}))
    >>> table.transform(pd.DataFrame({"colour": ["red"]}), np.array([[[1.0], [3.0]]]))
    array([[1., 1., 1., 3.]])
    """

    takes_reading = True

    def __init__(self, columns: list[str | int] | None = None):
        self.columns = columns

    def fit(self, X: Table | Reading) -> Self:
        """Learn the levels of the categories."""
        self.table_ = CategoryTable(self.columns).fit(X)
        kept = list(self.table_.columns_)
        self.categories_ = [kept.index(j) for j, levels in self.table_.levels_.items() if levels]
        return self

    def transform(self, X: Table | Reading, predictions: np.ndarray) -> np.ndarray:
        """Return the matrix.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Means, or class probabilities, which are told as log-odds.

        Returns
        -------
        features : ndarray of shape (n_samples, n_columns + n_told)
        """
        coded = self.table_.matrix(X)
        disagreement, told = predictions.std(axis=1), predictions[:, :, 0]
        if predictions.shape[2] > 1:
            told = log_odds(predictions, least=1e-4)
        if predictions.shape[2] == 2:  # of two classes one tells all
            disagreement = disagreement[:, :1]
        return np.column_stack([coded, disagreement, told])
