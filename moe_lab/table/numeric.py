"""Numeric table: any table as a matrix of floats without missing values."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from moe_lab.table.calendar import Calendar
from moe_lab.table.chosen import chosen_columns
from moe_lab.table.forms import Table
from moe_lab.table.level_columns import LevelColumns
from moe_lab.table.reading import Reading

FAR_OUT = 1e9  # standard deviations
BLOCK = 50_000  # numbers in the largest array made for a block of rows


class NumericTable(TransformerMixin, BaseEstimator):
    """Turns a table into a matrix of floats: numbers imputed and scaled, categories one-hot,
    ordered ones in steps (1 at this level and above it).

    Every statistic comes from the weights alone, so that a row of weight 2 counts as two rows and a
    row of weight 0 as none. scikit-learn's imputer and encoder take no weights, hence this class.

    Parameters
    ----------
    scale : bool, default=True
        Standardise the numbers to mean 0 and standard deviation 1.
    max_levels : int, default=40
        A category's most frequent levels get a column each; the others, and levels never seen while
        fitting, are 0 in all of them; of an ordered category they are like the level below.
    one_hot : bool, default=True
        False: a category becomes one column with the number of its level, in the order of their
        names; -1 is missing or never seen while fitting. Enough for trees.
    columns : list of str or int, optional
        The columns to read, by name or, for an array, number; the others are left out. Default all.
    calendar : bool, default=False
        Dates also give numbers for weekday, month and hour where these vary, as trees want them.
    single : bool, default=False
        The matrix is float32, numbers too far out for a network's sums drawn in.

    Attributes
    ----------
    fill_ : ndarray of shape (n_numbers,)
        Weighted medians, which stand in for missing numbers; a column with any gets a further 0/1
        column. The mean in a column that had none missing while fitting.
    level_columns_ : list of LevelColumns
        What each category became; empty where ``one_hot`` is False.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"size": [1.0, 3.0, None], "colour": ["red", "blue", "red"]})
    >>> NumericTable(scale=False).fit_transform(table)
    array([[1., 0., 0., 1.],
           [3., 0., 1., 0.],
           [1., 1., 0., 1.]])
    """

    takes_reading = True

    def __init__(
        self,
        scale: bool = True,
        max_levels: int = 40,
        one_hot: bool = True,
        columns: list[str | int] | None = None,
        calendar: bool = False,
        single: bool = False,
    ):
        self.scale = scale
        self.max_levels = max_levels
        self.one_hot = one_hot
        self.columns = columns
        self.calendar = calendar
        self.single = single

    def fit(
        self, X: Table | Reading, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn medians, means, standard deviations and levels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self : NumericTable
        """
        X = Reading.of(X)
        X.open_for(self, reset=True)
        chosen = chosen_columns(X, self.columns)
        self.kinds_, self.names_ = X.kinds, X.names
        self.number_columns_ = np.intersect1d(chosen, X.number_columns)
        self.category_columns_ = np.intersect1d(chosen, X.level_columns)
        X, weight = _present_rows(X, sample_weight)
        self.calendar_ = Calendar(X, self.number_columns_ if self.calendar else [])
        self._learn_numbers(self._finite_numbers(X), weight)
        self._learn_levels(X, weight)
        return self

    def transform(self, X: Table | Reading) -> np.ndarray:
        """Return the matrix, shape (n_samples, n_columns); no missing values are left."""
        check_is_fitted(self)
        matrix = self._matrix(X)
        return as_float32(matrix) if self.single else matrix

    def _matrix(self, X):
        X = Reading.of(X, self.kinds_)
        X.open_for(self, reset=False)
        numbers = self._finite_numbers(X)
        missing = np.isnan(numbers)
        parts = [missing[:, self.flagged_], *self._encode_levels(X)]
        if not (self.scale or missing.any() or any(part.shape[1] for part in parts)):
            return numbers  # maybe the very matrix of X
        matrix = np.hstack([numbers, *parts])  # the only copy
        own = matrix[:, : numbers.shape[1]]
        np.copyto(own, self.fill_, where=missing)
        if self.scale:
            own -= self.mean_
            own /= self.scale_
        return matrix

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the name of each column of the matrix."""
        check_is_fitted(self)
        if input_features is None:
            names = np.array([str(name) for name in self.names_], dtype=object)
        else:
            names = _check_feature_names_in(self, input_features)
        numbers = names[self.number_columns_]
        flags = [*self.calendar_.names, *(f"{name} missing" for name in numbers[self.flagged_])]
        levels = list(names[self.category_columns_])
        if self.one_hot:
            owned = zip(levels, self.level_columns_, strict=True)
            levels = [name for owner, columns in owned for name in columns.names(owner)]
        return np.array([*numbers, *flags, *levels], dtype=object)

    @property
    def n_levels(self) -> list[int]:
        """How many levels each of the last columns numbers; none where they are one-hot."""
        return [] if self.one_hot else list(map(len, self.levels_))

    def _finite_numbers(self, X):
        numbers = X.chosen_numbers(self.number_columns_)
        _check_finite(numbers, X, self.number_columns_)
        return self.calendar_.beside(numbers, X)

    def _learn_numbers(self, numbers, weight):
        missing = np.isnan(numbers)
        flagged = missing.any(axis=0) & ~missing.all(axis=0)
        self.flagged_ = np.flatnonzero(flagged[: len(self.number_columns_)])
        self.mean_, self.scale_ = _mean_and_scale(numbers, weight)
        self.fill_ = self.mean_.copy()  # for a column whose values go missing only when predicting
        for j in np.flatnonzero(flagged):
            self.fill_[j] = _median(numbers[:, j], weight)

    def _learn_levels(self, X, weight):
        self.levels_, self.level_columns_ = [], []
        for j in self.category_columns_:
            codes, names = X.levels(j)
            known = codes >= 0
            mass = np.bincount(codes[known], weight[known], minlength=len(names))
            kept = np.argsort(-mass, kind="stable")[: self.max_levels if self.one_hot else None]
            kept = np.sort(kept[mass[kept] > 0])
            if not X.is_ordered(j):
                names = [names[code] for code in kept]
            self.levels_.append(names)  # an ordered level keeps its place if no row has it
            if self.one_hot and X.is_ordered(j):
                middle = int(np.searchsorted(np.cumsum(mass), mass.sum() / 2))
                fill = middle if known.all() else None
                self.level_columns_.append(LevelColumns.steps(names, kept, fill))
            elif self.one_hot:
                self.level_columns_.append(LevelColumns.one_hot(names))

    def _encode_levels(self, X):
        for k, j in enumerate(self.category_columns_):
            codes = X.matched(j, self.levels_[k])
            yield self.level_columns_[k].matrix[codes] if self.one_hot else codes[:, None]


def as_float32(Z: np.ndarray) -> np.ndarray:
    """Return standardised numbers as float32, those too far out for a network's sums drawn in.

    Examples
    --------
    >>> as_float32(np.array([-1e60, 0.5]))
    array([-1.e+09,  5.e-01], dtype=float32)
    """
    return np.clip(Z, -FAR_OUT, FAR_OUT).astype(np.float32)


def _present_rows(X, sample_weight):
    """Drop rows of weight 0, which count as absent."""
    if sample_weight is None:
        return X, np.ones(len(X))
    weight = np.asarray(sample_weight, dtype=float)
    present = weight > 0
    if not present.any():
        raise ValueError("sample_weight must be positive for one row at least, got none that is.")
    return (X, weight) if present.all() else (X.rows(np.flatnonzero(present)), weight[present])


def _mean_and_scale(numbers, weight):
    """Weighted mean and standard deviation of what is there; a constant column has scale 1."""
    share = weight / weight.sum()
    known, total, squares = np.zeros((3, numbers.shape[1]))
    blocks = list(gen_batches(len(numbers), max(256, BLOCK // (numbers.shape[1] + 1))))
    for rows in blocks:
        there = ~np.isnan(numbers[rows])
        known += share[rows] @ there
        total += share[rows] @ np.where(there, numbers[rows], 0.0)
    known = np.maximum(known, np.finfo(float).tiny)
    mean = total / known
    with np.errstate(over="ignore"):
        for rows in blocks:
            deviation = numbers[rows] - mean
            deviation[np.isnan(deviation)] = 0.0
            squares += share[rows] @ np.square(deviation, out=deviation)
        scale = np.sqrt(squares / known)
    scale[scale <= 1e-13 * np.abs(mean)] = 1.0
    return mean, np.where(scale > 0, scale, 1.0)


def _median(column, weight):
    known = ~np.isnan(column)
    if not known.any():
        return 0.0
    return np.quantile(column[known], 0.5, weights=weight[known], method="inverted_cdf")


def _check_finite(numbers, X, columns):
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(numbers.sum()):  # one pass; NaN or an infinite sum needs the closer look
            return
    infinite = np.flatnonzero(np.isinf(numbers).any(axis=0))
    if len(infinite):
        names = [repr(X.names[j]) for j in columns[infinite]]
        raise ValueError(
            f"X must be finite or missing, got infinity in {', '.join(names)}. "
            "Clip or drop these values."
        )
