"""What of a table can be moved: every column as places on a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moe_lab.table.columns import LEVELS
from moe_lab.table.dates import Dates

if TYPE_CHECKING:
    from moe_lab.table import Reading

MOST_LEVELS = 50  # a slider with more steps finds none of them
DATE_STEPS = 100
BINS = 10


@dataclass(frozen=True)
class Feature:
    """A column: numbers, which are their own places, or steps, whose places are 0, 1, ...

    Attributes
    ----------
    name : str
    places : ndarray of shape (n_samples,)
        Where the rows stand; missing is NaN.
    low, high, step : float
        The ends of the line and the least move.
    steps : Series or None
        What a step writes into the table; None: a number.
    fixed : str
        Why it cannot be moved; "" where it can.
    """

    name: str
    places: np.ndarray
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    steps: pd.Series | None = None
    fixed: str = ""

    @property
    def labels(self) -> list[str] | None:
        """The steps in words, None of numbers."""
        return None if self.steps is None else [_spelt(value) for value in self.steps]

    def grid(self, size: int) -> np.ndarray:
        """Return places along the line: the middles of so many equal parts, or every step."""
        if self.steps is not None:
            return np.arange(len(self.steps), dtype=float)
        return self.low + (np.arange(size) + 0.5) / size * (self.high - self.low)

    def values(self, places: np.ndarray) -> Any:
        """Return what the table holds at these places."""
        if self.steps is None:
            return np.asarray(places, dtype=float)
        return self.steps.iloc[np.asarray(places, dtype=int)].array

    def __str__(self):
        return self.name


def features_of(X: Reading) -> list[Feature]:
    """Return every column of a table as a Feature."""
    return [_feature(X, j, str(name)) for j, name in enumerate(X.names)]


def _feature(X, j, name):
    kind = X.kinds[j]
    if kind == LEVELS:
        return _of_levels(name, X.frame.iloc[:, j], *X.levels(j))
    places = X.chosen_numbers(np.array([j]))[:, 0]
    known = places[~np.isnan(places)]
    if not len(known) or not np.ptp(known):
        return Feature(name, places, fixed="holds one value")
    low, high = float(known.min()), float(known.max())
    if isinstance(kind, Dates):
        days = np.linspace(low, high, DATE_STEPS)
        near = np.rint((places - low) / (high - low) * (DATE_STEPS - 1))
        return _in_steps(name, near, pd.Series(kind.moments(days)))
    whole = bool((known == np.rint(known)).all())
    return Feature(name, places, low, high, 1.0 if whole else (high - low) / 200)


def _of_levels(name, column, codes, names):
    present, first = np.unique(codes, return_index=True)
    first = first[present >= 0]
    places = np.where(codes >= 0, np.searchsorted(present[present >= 0], codes), np.nan)
    if len(first) < 2:
        return Feature(name, places, fixed="holds one value")
    if len(first) > MOST_LEVELS:
        return Feature(name, places, fixed=f"holds {len(first)} texts, more than {MOST_LEVELS}")
    return _in_steps(name, places, column.iloc[first])


def _in_steps(name, places, steps):
    return Feature(name, places, 0.0, len(steps) - 1.0, 1.0, steps)


def _spelt(value):
    if isinstance(value, pd.Timestamp):
        return str(value.date() if value == value.normalize() else value.round("s"))
    return str(value)


def by_influence(features: list[Feature], gate_weights: np.ndarray) -> list[int]:
    """Return the positions of the features that can be moved, those first by which the gate's
    weights vary most: the variance between tenths of the rows, summed over experts."""
    moved = [j for j, feature in enumerate(features) if not feature.fixed]
    between = {j: _between(features[j].places, gate_weights) for j in moved}
    return sorted(moved, key=lambda j: -round(between[j], 9))


def _between(places, gate_weights):
    known = ~np.isnan(places)
    places, gate_weights = places[known], gate_weights[known]
    ends = np.unique(np.quantile(places, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(ends, places, side="right")
    counts = np.bincount(bins, minlength=len(ends) + 1)
    sums = [np.bincount(bins, column, minlength=len(counts)) for column in gate_weights.T]
    means = np.divide(sums, np.maximum(counts, 1))
    return float((counts * (means - gate_weights.mean(axis=0)[:, None]) ** 2).sum() / len(places))
