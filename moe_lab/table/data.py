"""What a mixture is trained on: a table, its target, and what is known of the rows."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from moe_lab.table.folds import folds_or_in_sample
from moe_lab.table.reading import Reading, given_to, rows_of

__all__ = ["TrainingData"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Rows to train on.

    Parameters
    ----------
    X : Reading, DataFrame or ndarray of shape (n_samples, n_features)
        A trainer whose class declares ``takes_reading = True`` is given a Reading.
    y : ndarray of shape (n_samples,)
        Floats, or class codes in 0..n_classes-1.
    sample_weight : ndarray of shape (n_samples,), optional
        Positive; default 1.
    groups : ndarray of shape (n_samples,), optional
        Rows of one group are held out together.
    task : {"regression", "classification"}, default="regression"
    n_classes : int, optional
        Of classification; some may be missing among these rows.
    rows : int ndarray of shape (n_samples,), optional
        Their numbers in the caller's table, by which a list of splits knows them; default: they
        are the whole of it.

    Examples
    --------
    >>> data = TrainingData(np.eye(4), np.arange(4.0))
    >>> data.take([0, 2]).y, data.sample_weight
    (array([0., 2.]), array([1., 1., 1., 1.]))
    """

    X: Any = field(repr=False)
    y: np.ndarray = field(repr=False)
    sample_weight: np.ndarray = field(default=None, repr=False)  # type: ignore[arg-type]
    groups: np.ndarray | None = field(default=None, repr=False)
    task: str = "regression"
    n_classes: int | None = None
    rows: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self):
        if (self.task == "classification") != (self.n_classes is not None):
            raise ValueError(
                "n_classes must be given for classification and None for regression, got "
                f"task={self.task!r} and n_classes={self.n_classes}."
            )
        if self.sample_weight is None:
            object.__setattr__(self, "sample_weight", np.ones(len(self.y)))

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_outputs(self) -> int:
        """How many numbers an expert predicts for a row: its mean, or a probability a class."""
        return self.n_classes or 1

    def read(self) -> "TrainingData":
        """Return the same with X as a Reading."""
        return self if isinstance(self.X, Reading) else replace(self, X=Reading(self.X))

    def for_(self, part: Any) -> Any:
        """Return X as a part of a mixture is given it: the Reading, or the table as it came."""
        return given_to(part, self.X)

    def take(self, rows: Any) -> "TrainingData":
        """Return some rows, an index array."""
        return replace(
            self,
            X=rows_of(self.X, rows),
            y=self.y[rows],
            sample_weight=self.sample_weight[rows],
            groups=None if self.groups is None else self.groups[rows],
            rows=np.arange(len(self))[rows] if self.rows is None else self.rows[rows],
        )

    def folds(self, cv: Any) -> list:
        """Return (train, test) pairs of index arrays, as `make_folds` does; one pair of all rows,
        with a warning, where there are too few rows or groups for two."""
        return folds_or_in_sample(self.y, task=self.task, cv=cv, groups=self.groups, rows=self.rows)
