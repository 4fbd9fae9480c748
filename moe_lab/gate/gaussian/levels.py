"""Levels: what of a table comes in steps, for which no density is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from moe_lab.table.level_columns import LevelColumns
    from moe_lab.table.numeric import NumericTable

HEAVY = 0.1  # of the rows at one value: a narrow enough Gaussian there would outweigh all else
REPEATED = 2.0  # rows; of few rows, each one's value is above that share
N_BINS = 10  # of the other values of such a column


@dataclass
class Levels:
    """Indicators of the levels of categories, missing values and numbers that come in steps.

    A number with more than a tenth of the rows at one value comes in steps: each value is a level,
    or of many values a tenth of the rows. A copy of a column, or one of a single level, is left
    out; a level that no row had while fitting has no indicator, and says nothing.

    shapes: readers, kept: one per column that comes in levels; owner, shares (n_levels,)
    """

    readers: list
    kept: list
    owner: np.ndarray  # which reader a level belongs to
    shares: np.ndarray  # of the weight: the sum is 1 for each reader

    @classmethod
    def of(
        cls, table: NumericTable, rows: np.ndarray, weight: np.ndarray
    ) -> tuple[Levels, np.ndarray]:
        """Learn them from a fitted NumericTable and its matrix.

        Returns
        -------
        levels : Levels
        smooth : int ndarray
            The columns of the matrix that have none.
        """
        share = weight / weight.sum()
        heavy = max(HEAVY, REPEATED / weight.sum())
        n_numbers, flagged = len(table.mean_), list(table.flagged_)
        readers: list[_Steps | _Category] = []
        smooth: list[int] = []
        for j in range(n_numbers):
            flag = n_numbers + flagged.index(j) if j in flagged else None
            cuts = _cuts(rows[:, j], share, heavy, None if flag is None else rows[:, flag] > 0)
            smooth += [j] if cuts is None else []
            readers += [] if cuts is None else [_Steps(j, cuts, flag)]
        first = n_numbers + len(flagged)
        readers += [_Steps(flag, np.array([0.5])) for flag in range(n_numbers, first)]
        for columns in table.level_columns_:
            readers.append(_Category(slice(first, first + columns.width), columns))
            first += columns.width
        return cls._of_readers(readers, rows, share), np.array(smooth, dtype=int)

    @classmethod
    def _of_readers(cls, readers, rows, share):
        levels, seen = cls([], [], np.empty(0, int), np.empty(0)), set()
        for reader in readers:
            codes = reader.codes(rows)
            known = (codes >= 0) & (share > 0)
            mass = np.bincount(codes[known], share[known])
            kept = np.flatnonzero(mass)
            _, first, place = np.unique(codes, return_index=True, return_inverse=True)
            partition = first[place].tobytes()  # the same for every naming of the levels
            if len(kept) > 1 and partition not in seen:
                seen.add(partition)
                levels.owner = np.append(levels.owner, np.full(len(kept), len(levels.readers)))
                levels.shares = np.append(levels.shares, mass[kept] / mass.sum())
                levels.readers.append(reader)
                levels.kept.append(kept)
        return levels

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return the indicators, (n_samples, n_levels), of the matrix of the table."""
        parts = [
            reader.codes(rows)[:, None] == kept
            for reader, kept in zip(self.readers, self.kept, strict=True)
        ]
        return np.hstack([np.empty((len(rows), 0)), *parts])

    def totals(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each reader's sum, (..., n_readers), and the same spread over its levels."""
        of_reader = self.owner[:, None] == np.arange(len(self.readers))
        totals = counts @ of_reader.astype(float)
        return totals, totals[..., self.owner]

    def normalised(self, logs: np.ndarray) -> np.ndarray:
        """Return log shares from their logits, (n_experts, n_levels)."""
        best = np.full((len(logs), len(self.readers)), -np.inf)
        np.maximum.at(best, (slice(None), self.owner), logs)  # type: ignore[arg-type]
        logs = logs - best[:, self.owner]
        return logs - np.log(self.totals(np.exp(logs))[1])

    @property
    def n_free(self) -> int:
        """How many of an expert's shares are free."""
        return len(self.owner) - len(self.readers)


@dataclass
class _Steps:
    """A number, cut; where it was missing, the flag alone speaks."""

    column: int
    cuts: np.ndarray
    flag: int | None = None

    def codes(self, rows):
        codes = np.searchsorted(self.cuts, rows[:, self.column], side="right")
        return codes if self.flag is None else np.where(rows[:, self.flag] > 0, -1, codes)


@dataclass
class _Category:
    """The columns of a category; what they do not tell apart is one level."""

    place: slice
    columns: LevelColumns

    def codes(self, rows):
        return self.columns.codes(rows[:, self.place])


def _cuts(column, share, least, missing):
    """Return where to cut a number that comes in steps; None for a smooth one."""
    distinct, place = np.unique(column, return_inverse=True)
    if np.bincount(place, share).max() <= least:  # missing ones count: they are filled by one value
        return None
    known = share > 0 if missing is None else (share > 0) & ~missing
    distinct, place = np.unique(column[known], return_inverse=True)
    mass = np.bincount(place, share[known])
    heavy = mass > least
    if len(distinct) <= N_BINS:
        heavy[:] = True
    light = np.where(heavy, 0.0, mass)
    bins = np.floor(N_BINS * (np.cumsum(light) - light / 2) / max(light.sum(), 1e-300))
    new = heavy[1:] | heavy[:-1] | (bins[1:] != bins[:-1])
    return ((distinct[1:] + distinct[:-1]) / 2)[new]
