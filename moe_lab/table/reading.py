"""A table, read once: which columns hold numbers, which hold levels, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _get_feature_names, validate_data

from moe_lab.table.columns import LEVELS, NUMBERS, kind_of, read_levels, read_numbers
from moe_lab.table.forms import (
    as_frame,
    as_table,
    is_frame,
    is_matrix,
    names_of,
    take_columns,
    take_rows,
    with_permuted,
)

if TYPE_CHECKING:
    import pandas as pd

    from moe_lab.table.forms import Table


class Reading:
    """A table of any form, parsed once; its rows are cut without parsing again.

    Medians, scales and which levels count are learnt from it by `NumericTable` and
    `CategoryTable`, from the rows of a fold alone where there are folds.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
    kinds : tuple of {"numbers", "levels"} and Dates, optional
        What each column holds, as the reading of the training rows found it. Default: it is found.

    Attributes
    ----------
    kinds : tuple
    names : list
        Of the columns; those of an array are x0, x1, ..., and ``has_names`` is False.
    numbers : ndarray of shape (n_samples, n_numbers)
        The columns of numbers in their order; missing is NaN.
    codes : int ndarray of shape (n_samples, n_levels)
        The columns of levels in their order; -1 is missing.
    table : DataFrame or ndarray
        The same rows as they came, for who reads them himself.

    Examples
    --------
    >>> import pandas as pd
    >>> reading = Reading(pd.DataFrame({"size": [1.0, None], "colour": ["red", "blue"]}))
    >>> reading.kinds
    ('numbers', 'levels')
    >>> reading.rows([1]).levels(1)
    (array([0]), ['blue'])
    """

    def __init__(self, X: Table, kinds: Sequence | None = None):
        X = as_table(X)
        self.feature_names = _get_feature_names(X)  # None where X has none
        is_plain = is_matrix(X) and all(kind == NUMBERS for kind in kinds or ())
        self._table = X if is_plain else as_frame(X, text_columns(kinds))
        self._rows = None  # the positions in _table that are left; None: all
        self._made: dict = {}
        self.has_names, self.names = is_frame(X), names_of(self._table)
        self._parse(kinds)

    @classmethod
    def of(cls, X: Table | Reading, kinds: Sequence | None = None) -> Reading:
        """Return X itself where it is a Reading of these kinds, else the Reading of X."""
        if not isinstance(X, Reading):
            return cls(X, kinds)
        return X if kinds is None or X.kinds == kinds else cls(X.table, kinds)

    def _parse(self, kinds):
        n_samples, n_features = self._table.shape
        self._faults, self._levels = {}, []  # position -> why it cannot be read; see read_levels
        if is_matrix(self._table):
            self._place((NUMBERS,) * n_features)
            self.numbers = self._table.astype(float, copy=False)
            self.codes = np.empty((n_samples, 0), dtype=int)
            return
        columns = [column for _, column in self._table.items()]
        self._place(kinds or tuple(self._tried(j, kind_of, columns[j]) for j in range(n_features)))
        self.numbers = self._read_numbers(columns)
        self.codes = np.full((n_samples, len(self.level_columns)), -1)
        for k, j in enumerate(self.level_columns):
            nothing = -1, [], False, False
            self.codes[:, k], *levels = self._tried(j, read_levels, columns[j]) or nothing
            self._levels.append(levels)

    def _place(self, kinds):
        self.kinds = kinds
        held = np.array([kind == LEVELS for kind in kinds], dtype=bool)
        self.number_columns, self.level_columns = np.flatnonzero(~held), np.flatnonzero(held)
        self._position = np.where(held, np.cumsum(held), np.cumsum(~held)) - 1

    def _read_numbers(self, columns):
        plain = [
            kind == NUMBERS and _is_plain(column.dtype)
            for kind, column in zip(self.kinds, columns, strict=True)
        ]
        if all(plain) and not len(self.level_columns):
            return self._table.to_numpy(dtype=float)
        numbers = np.empty((len(self._table), len(self.number_columns)))
        together = [j for j in self.number_columns if plain[j]]
        if together:
            numbers[:, self._position[together]] = self._table.iloc[:, together].to_numpy(float)
        for j in self.number_columns:
            if not plain[j] and j not in self._faults:
                read = self._tried(j, partial(read_numbers, kind=self.kinds[j]), columns[j])
                numbers[:, self._position[j]] = np.nan if read is None else read
        return numbers

    def _tried(self, j, read, column):
        """Read a column; one that cannot be read is no fault until somebody asks for it."""
        try:
            return read(column)
        except Exception as error:
            self._faults[j] = error
            return None

    def __len__(self):
        return len(self.numbers)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self.kinds)

    @property
    def table(self) -> Table:
        if self._rows is not None:
            self._table, self._rows = take_rows(self._table, self._rows), None
        return self._table

    @property
    def frame(self) -> pd.DataFrame:
        """The same rows as a DataFrame."""
        return as_frame(self.table)

    def rows(self, rows: slice | np.ndarray) -> Reading:
        """Return some rows, a slice or positions, as a Reading; the table is cut when asked for."""
        part = self._copied()
        part.numbers, part.codes = self.numbers[rows], self.codes[rows]
        if self._table is self.numbers:
            part._table = part.numbers
            return part
        left = np.arange(len(self)) if self._rows is None else self._rows
        part._rows = left[rows]
        if is_frame(self._table) and not len(self.level_columns):
            part.numbers = np.asfortranarray(part.numbers)  # as a DataFrame of numbers holds them
        return part

    def permuted(self, j: int, order: np.ndarray) -> Reading:
        """Return a Reading in which column j has its rows in another order."""
        part = self._copied()
        held = "codes" if self.kinds[j] == LEVELS else "numbers"
        values, k = getattr(self, held).copy(order="K"), self._position[j]
        values[:, k] = values[order, k]
        setattr(part, held, values)
        part._table = with_permuted(self.table, j, order)
        if self._table is self.numbers:
            part._table = part.numbers
        return part

    def columns(self, positions: np.ndarray) -> Reading:
        """Return some columns, by position, as a Reading."""
        part = self._copied()
        part._table = take_columns(self.table, positions)
        part.names = [self.names[j] for j in positions]
        if self.feature_names is not None:
            part.feature_names = self.feature_names[positions]
        part._place(tuple(self.kinds[j] for j in positions))
        part._faults = {k: self._faults[j] for k, j in enumerate(positions) if j in self._faults}
        part.numbers = np.ascontiguousarray(
            self.numbers[:, self._position[positions[part.number_columns]]]
        )
        levels = self._position[positions[part.level_columns]]
        part.codes, part._levels = self.codes[:, levels], [self._levels[k] for k in levels]
        return part

    def _copied(self):
        part = copy(self)
        part._made = {}
        return part

    def chosen_numbers(self, columns: np.ndarray) -> np.ndarray:
        """Return those columns of numbers, by position, as a matrix."""
        self.check_readable(columns)
        if len(columns) == len(self.number_columns):
            return self.numbers
        return np.ascontiguousarray(self.numbers[:, self._position[columns]])

    def levels(self, j: int) -> tuple[np.ndarray, list]:
        """Return the codes of column j and the names of its levels; code -1 is missing.

        The names are those declared, of a column that declares them, else those of these rows; a
        column of numbers has levels too.
        """
        self.check_readable([j])
        if self.kinds[j] != LEVELS:
            return read_levels(self.frame.iloc[:, j])[:2]
        codes = self.codes[:, self._position[j]]
        names, declared, _ = self._levels[self._position[j]]
        present = np.unique(codes[codes >= 0])
        if declared or len(present) == len(names):
            return codes, names
        renumbered = np.full(len(names) + 1, -1)  # the last: missing
        renumbered[present] = np.arange(len(present))
        return renumbered[codes], [names[code] for code in present]

    def is_ordered(self, j: int) -> bool:
        """Whether column j holds levels whose type says their order."""
        return self.kinds[j] == LEVELS and self._levels[self._position[j]][2]

    def matched(self, j: int, names: Sequence) -> np.ndarray:
        """Return each row's position in ``names``; -1 where its level is missing or not there."""
        if self.kinds[j] == LEVELS:
            k = self._position[j]
            self.check_readable([j])
            codes, present = self.codes[:, k], self._levels[k][0]
        else:
            codes, present = self.levels(j)
        if present == names:
            return codes
        position = {name: code for code, name in enumerate(names)}
        return np.array([position.get(name, -1) for name in present] + [-1])[codes]

    def check_readable(self, columns: Iterable[int]) -> None:
        """Raise what is wrong with the first of these columns, by position, that cannot be read."""
        for j in columns if self._faults else ():
            if j in self._faults:
                raise self._faults[j]

    def open_for(self, estimator: Any, *, reset: bool) -> None:
        """Note the columns on an estimator, or check that they are those it has noted."""
        names = self.feature_names
        if reset:
            estimator.n_features_in_ = self.shape[1]
            vars(estimator).pop("feature_names_in_", None)
            if names is not None:
                estimator.feature_names_in_ = names
            return
        noted = getattr(estimator, "feature_names_in_", None)
        if noted is names and estimator.n_features_in_ == self.shape[1]:
            return
        like = np.empty((1, self.shape[1])) if names is None else self._table
        validate_data(estimator, like, skip_check_array=True, reset=False)

    def once(self, key: Hashable, make: Callable) -> Any:
        """Return what ``make`` returns, made at the first call: parts that read alike share it."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def __getstate__(self):
        return {**vars(self), "_table": self.table, "_rows": None, "_made": {}}


def text_columns(kinds: Sequence | None) -> list[int]:
    """Return the positions of the columns of levels: in an array of text they stay text."""
    return [j for j, kind in enumerate(kinds or ()) if kind == LEVELS]


def _is_plain(dtype):
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def given_to(part: Any, X: Any) -> Any:
    """Return what a part of a mixture is given of X: the Reading where its class declares
    ``takes_reading = True``, else the table as it came.

    A subclass declares it anew: it may read the table itself.
    """
    if isinstance(X, Reading) and not vars(type(part)).get("takes_reading", False):
        return X.table
    return X


def rows_of(X: Any, rows: Any) -> Any:
    """Return some rows, a slice or positions, of a Reading, frame, array, or of each in a list."""
    if isinstance(X, list):
        return [rows_of(part, rows) for part in X]
    return X.rows(rows) if hasattr(X, "rows") else take_rows(X, rows)


def transformed(table: Any, X: Table | Reading) -> Any:
    """Return what a fitted table makes of X: the model's own, to do with as it likes."""
    X = given_to(table, X)
    return _own(table.transform(X), X)


def learn_table(
    table: Any, X: Table | Reading, sample_weight: np.ndarray | None = None
) -> tuple[Any, Any]:
    """Fit a clone of a table to X; return it and what it makes of X, as `transformed` does."""
    X, table = given_to(table, Reading.of(X)), clone(table)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    return table.fit(X, **weights), _own(table.transform(X), X)


def _own(made, X):
    shared = isinstance(X, Reading) and made is X.numbers
    return made.copy(order="K") if shared else made


def share_table(
    table: Any, X: Table | Reading, sample_weight: np.ndarray | None = None
) -> tuple[Any, Any]:
    """Do as `learn_table` does, once for all parts that read one Reading alike: what they share
    cannot be written to."""
    if not isinstance(X, Reading):
        return learn_table(table, X, sample_weight)
    settings = table.get_params().values()
    key = type(table), *(tuple(one) if np.ndim(one) else one for one in settings)
    weight, shared = X.once(key, lambda: (sample_weight, _shared(table, X, sample_weight)))
    return shared if weight is sample_weight else learn_table(table, X, sample_weight)


def _shared(table, X, sample_weight):
    table, made = learn_table(table, X, sample_weight)
    if isinstance(made, np.ndarray):
        made.flags.writeable = False
    return table, made
