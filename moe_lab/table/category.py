"""Category table: numbers as they are, categories with a fixed list of levels."""

import re

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from moe_lab.table.columns import (
    as_frame,
    holds_levels,
    is_numeric_array,
    match_levels,
    open_table,
    read_levels,
    read_numbers,
)


class CategoryTable(TransformerMixin, BaseEstimator):
    """Turns a table into what boosted trees read: floats (missing is NaN) and `category` columns.

    A category column always has the levels seen while fitting, so that its codes mean the same
    when predicting; a level never seen is missing. An array of numbers passes through unchanged, a
    table without categories becomes an array.

    Examples
    --------
    >>> table = CategoryTable().fit(pd.DataFrame({"colour": ["red", "blue"], "size": [1, 2]}))
    >>> table.transform(pd.DataFrame({"colour": ["blue", "green"], "size": [3, None]}))
      colour  size
    0   blue   3.0
    1    NaN   NaN
    """

    def fit(self, X, y=None, sample_weight=None):
        """Learn which columns hold levels, and their levels; weights play no part."""
        X = open_table(self, X, reset=True)
        self.levels_ = {}  # column number -> names
        if not is_numeric_array(X):
            for j in range(X.shape[1]):
                if holds_levels(X.iloc[:, j]):
                    self.levels_[j] = read_levels(X.iloc[:, j])[1]
            self.names_ = _safe_names(X.columns)
        return self

    def transform(self, X):
        """Return a DataFrame, or an array where no column holds levels."""
        check_is_fitted(self)
        X = open_table(self, X, reset=False)
        if is_numeric_array(X) and not self.levels_:
            return X
        X = as_frame(X)
        columns = {j: self._column(X.iloc[:, j], j) for j in range(X.shape[1])}
        frame = pd.DataFrame(columns, index=X.index)
        if not self.levels_:
            return frame.to_numpy(dtype=float)
        frame.columns = self.names_
        return frame

    def _column(self, column, j):
        if j not in self.levels_:
            return read_numbers(column)
        if not self.levels_[j]:  # nothing was known of it while fitting; xgboost wants one level
            return np.full(len(column), np.nan)
        dtype = pd.CategoricalDtype(self.levels_[j])
        return pd.Categorical.from_codes(match_levels(column, self.levels_[j]), dtype=dtype)


def _safe_names(names):
    """Column names that every booster accepts: letters, digits and _, each one once."""
    safe = [re.sub(r"\W+", "_", str(name)) for name in names]
    return [name if safe.count(name) == 1 else f"{name}_{j}" for j, name in enumerate(safe)]
