"""Category table: numbers as they are, categories with a fixed list of levels."""

import re

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from moe_lab.table.chosen import chosen_columns
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

    Parameters
    ----------
    columns : list of str or int, optional
        The columns to read, by name or, for an array, number; the others are left out. Default all.

    Examples
    --------
    >>> table = CategoryTable().fit(pd.DataFrame({"colour": ["red", "blue"], "size": [1, 2]}))
    >>> table.transform(pd.DataFrame({"colour": ["blue", "green"], "size": [3, None]}))
      colour  size
    0   blue   3.0
    1    NaN   NaN
    """

    def __init__(self, columns=None):
        self.columns = columns

    def fit(self, X, y=None, sample_weight=None):
        """Learn which columns hold levels, and their levels; weights play no part."""
        table = open_table(self, X, reset=True)
        self.columns_ = chosen_columns(X, self.columns)  # positions in X
        self.levels_ = {}  # position in X -> names
        if not is_numeric_array(table):
            for j in self.columns_:
                if holds_levels(table.iloc[:, j]):
                    self.levels_[j] = read_levels(table.iloc[:, j])[1]
            self.names_ = _safe_names(table.columns[self.columns_])
        return self

    def transform(self, X):
        """Return a DataFrame, or an array where no column holds levels."""
        check_is_fitted(self)
        X = open_table(self, X, reset=False)
        if is_numeric_array(X) and not self.levels_:
            return X if len(self.columns_) == X.shape[1] else X[:, self.columns_]
        X = as_frame(X)
        columns = {j: self._column(X.iloc[:, j], j) for j in self.columns_}
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
