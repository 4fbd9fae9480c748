"""Category table: numbers as they are, categories with a fixed list of levels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from moe_lab.table.calendar import Calendar
from moe_lab.table.chosen import chosen_columns
from moe_lab.table.reading import Reading

if TYPE_CHECKING:
    from moe_lab.table.forms import Table


class CategoryTable(TransformerMixin, BaseEstimator):
    """Turns a table into what boosted trees read: floats (missing is NaN) and `category` columns.

    A category column always has the levels seen while fitting, so that its codes mean the same
    when predicting; a level never seen is missing. An ordered category is a number, its place in
    the order. An array of numbers passes through unchanged, a
    table without categories becomes an array. Dates have weekday, month and hour after all columns,
    where these vary.

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

    takes_reading = True

    def __init__(self, columns: list[str | int] | None = None):
        self.columns = columns

    def fit(
        self, X: Table | Reading, y: Any = None, sample_weight: np.ndarray | None = None
    ) -> Self:
        """Learn which columns hold levels, and their levels; weights play no part."""
        X = Reading.of(X)
        X.open_for(self, reset=True)
        self.kinds_ = X.kinds
        self.columns_ = chosen_columns(X, self.columns)  # positions in X
        X.check_readable(self.columns_)
        chosen = np.intersect1d(self.columns_, X.level_columns)
        self.levels_ = {int(j): X.levels(j)[1] for j in chosen}  # position in X -> names
        self.ordered_ = [int(j) for j in chosen if X.is_ordered(j)]
        self.calendar_ = Calendar(X, self.columns_)
        self.names_ = _safe_names([*(X.names[j] for j in self.columns_), *self.calendar_.names])
        return self

    def transform(self, X: Table | Reading) -> Any:
        """Return a DataFrame, or an array where no column holds levels."""
        coded = self.coded(X)
        return coded.frame if coded.levels else coded.matrix

    def matrix(self, X: Table | Reading) -> np.ndarray:
        """Return one matrix of floats, levels as codes, (n_samples, n_columns); missing is NaN."""
        return self.coded(X).matrix

    def coded(self, X: Table | Reading) -> Coded:
        """Return the matrix with what its columns are."""
        check_is_fitted(self)
        X = Reading.of(X, self.kinds_)
        X.open_for(self, reset=False)
        numbers = np.array([j for j in self.columns_ if j not in self.levels_], dtype=int)
        read = X.chosen_numbers(numbers)
        if not self.levels_:
            return Coded(self.calendar_.beside(read, X), {}, self.names_)
        matrix, levels = np.empty((len(X), len(self.columns_))), {}
        matrix[:, np.searchsorted(self.columns_, numbers)] = read
        for j, names in self.levels_.items():
            place = int(np.searchsorted(self.columns_, j))
            codes = X.matched(j, names)
            matrix[:, place] = np.where(codes < 0, np.nan, codes)
            if names and j not in self.ordered_:  # else nothing was known of it while fitting
                levels[place] = names
        return Coded(self.calendar_.beside(matrix, X), levels, self.names_)


class CodedTable(CategoryTable):
    """A `CategoryTable` whose ``transform`` returns the codes, for models that know `Coded`."""

    takes_reading = True

    def transform(self, X: Table | Reading) -> Any:
        return self.coded(X)


@dataclass
class Coded:
    """A table as one matrix of floats, and which of its columns hold the codes of levels.

    Parameters
    ----------
    matrix : ndarray of shape (n_samples, n_columns)
        Missing is NaN, and so is a level that was not seen while fitting.
    levels : dict
        From the position of a column of codes to the names of its levels.
    names : list of str
        Of all columns.
    """

    matrix: np.ndarray
    levels: dict
    names: list

    def __len__(self):
        return len(self.matrix)

    @property
    def width(self) -> int:
        return self.matrix.shape[1]

    def rows(self, rows: slice | np.ndarray) -> Coded:
        """Return some rows, a slice or positions."""
        return Coded(self.matrix[rows], self.levels, self.names)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame with a `category` column for each column of codes."""
        return self._frame(lambda codes, names: pd.Categorical.from_codes(codes, names))

    @property
    def texts(self) -> pd.DataFrame:
        """A DataFrame with the names of the levels as strings, "" where missing."""
        return self._frame(lambda codes, names: np.array([*names, ""], dtype=object)[codes])

    def _frame(self, of_codes):
        columns = list(self.matrix.T)
        for place, names in self.levels.items():
            codes = np.nan_to_num(columns[place], nan=-1.0).astype(int)
            columns[place] = of_codes(codes, names)
        return pd.DataFrame(dict(zip(self.names, columns, strict=True)))


def _safe_names(names):
    """Column names that every booster accepts: letters, digits and _, each one once."""
    safe = [re.sub(r"\W+", "_", str(name)) or "_" for name in names]
    numbered = [name if safe.count(name) == 1 else f"{name}_{j}" for j, name in enumerate(safe)]
    return (
        numbered
        if len(set(numbered)) == len(names)
        else [f"{j}_{one}" for j, one in enumerate(safe)]
    )
