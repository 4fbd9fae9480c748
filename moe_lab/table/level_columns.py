"""The levels of a category as columns of zeros and ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LevelColumns:
    """What the levels of a category become.

    One-hot, or for an ordered category steps: whether a row has that level or one above it, so that
    a level's neighbours are like it, and one that no row had is like the level below.

    Parameters
    ----------
    levels : list of str
        That each column speaks of.
    matrix : bool ndarray of shape (n_names + 1, n_columns)
        The columns by code; the last row, code -1, is a level that is missing or was never seen.
    ordered : bool, default=False
        Whether they are steps.
    """

    levels: list[str]
    matrix: np.ndarray
    ordered: bool = False

    @classmethod
    def one_hot(cls, names: list[str]) -> LevelColumns:
        """Return a column for each name; all are 0 where it is none of them.

        Examples
        --------
        >>> LevelColumns.one_hot(["blue", "red"]).matrix.astype(int).tolist()
        [[1, 0], [0, 1], [0, 0]]
        """
        return cls(names, np.eye(len(names) + 1, len(names), dtype=bool))

    @classmethod
    def steps(cls, names: list[str], kept: np.ndarray, fill: int | None) -> LevelColumns:
        """Return a step for each level kept but the lowest, which has one where any is missing.

        Parameters
        ----------
        names : list of str
            All levels, in their order.
        kept : int ndarray
            The codes of those with a step, rising.
        fill : int or None
            The code that stands in for a missing one; None: a missing one is 0 in all columns.

        Examples
        --------
        >>> LevelColumns.steps(["low", "mid", "high"], np.arange(3), 1).matrix.astype(int).tolist()
        [[0, 0], [1, 0], [1, 1], [1, 0]]
        """
        steps = np.arange(len(names))[:, None] >= kept
        steps[:, :1] = True  # what is below all levels seen is like the lowest of them
        if fill is None:
            steps = np.vstack([steps, np.zeros((1, len(kept)), bool)])
        else:
            kept, steps = kept[1:], np.vstack([steps, steps[fill]])[:, 1:]
        return cls([names[code] for code in kept], steps, ordered=True)

    @property
    def width(self) -> int:
        return len(self.levels)

    @property
    def tells_missing(self) -> bool:
        return not self.matrix[-1].any()

    def names(self, owner: str) -> list[str]:
        """Return the name of each column of the category called so."""
        return [f"{owner}{'>=' if self.ordered else '='}{level}" for level in self.levels]

    def said(self, owner: str, k: int, *, yes: bool) -> str:
        """Return in words that column k is 1, or is not."""
        level = self.levels[k]
        if not self.ordered:
            return f"{owner} = {level}" if yes else f"{owner} is not {level}"
        if self.tells_missing and k == 0:
            return f"{owner} is not missing" if yes else f"{owner} is missing"
        below = f"{owner} < {level}" + " or missing" * self.tells_missing
        return f"{owner} >= {level}" if yes else below

    def codes(self, columns: np.ndarray) -> np.ndarray:
        """Return the numbers of the levels that columns tell apart; that of none is the last."""
        if self.ordered:
            return (columns > 0).sum(axis=1)
        one_hot = columns > 0
        return np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), self.width)
