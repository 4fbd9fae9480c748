"""Column gate: static weights within each level of a column."""

import numpy as np

from moe_lab.gate.base import gates
from moe_lab.gate.region import RegionGate
from moe_lab.table.chosen import chosen_columns
from moe_lab.table.forms import Table
from moe_lab.table.reading import Reading
from moe_lab.table.rules import MANY_LEVELS


@gates.register("column")
class ColumnGate(RegionGate):
    """Domain knowledge as a gate: each level of a column has weights of its own.

    Missing values are a level of their own where fit saw any. A level that fit did not see gets the
    overall weights, the mean over the rows of fit.

    Parameters
    ----------
    column : str or int
        A column's name; for an array, its number.
    pseudo_count : float, default=1.0
        Rows of equal trust that are added to each level.

    Attributes
    ----------
    levels_ : list of str
        The levels seen in fit, without missing values.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"site": ["north", "north", "south", "south"]})
    >>> responsibilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    >>> gate = ColumnGate("site", pseudo_count=0.0).fit(X, responsibilities)
    >>> gate.predict_proba(pd.DataFrame({"site": ["north", "south", "east"]})).round(2)
    array([[1.  , 0.  ],
           [0.5 , 0.5 ],
           [0.75, 0.25]])
    """

    takes_reading = True
    example_params = {"column": "group"}

    def __init__(self, column: str | int | None = None, pseudo_count: float = 1.0):
        self.column = column
        self.pseudo_count = pseudo_count

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        X = Reading.of(X)
        self.kinds_ = X.kinds
        self.position_ = chosen_columns(X, [self.column])[0]  # type: ignore[list-item]
        there = X
        if sample_weight is not None:
            there = X.rows(np.flatnonzero(np.asarray(sample_weight) > 0))
        codes, names = there.levels(self.position_)
        self.levels_ = [names[code] for code in np.unique(codes[codes >= 0])]
        self.missing_ = bool((codes < 0).any())
        if len(self.levels_) > MANY_LEVELS:
            raise ValueError(
                f"A column that gates must have at most {MANY_LEVELS} levels, got "
                f"{len(self.levels_)} in {self.column!r}. Cut it into ranges with "
                "gate=('rules', {'rules': [...]})."
            )
        return super().learn_features(X, sample_weight)

    def features(self, X: Table | Reading) -> np.ndarray:
        X, n_levels = Reading.of(X, self.kinds_), len(self.levels_)
        regions = X.matched(self.position_, self.levels_)
        missing = X.levels(self.position_)[0] < 0  # a region only where fit saw it
        unseen = (regions < 0) & ~missing
        regions = np.where(missing, n_levels, np.where(unseen, n_levels + 1, regions))
        return np.eye(n_levels + 2, n_levels + self.missing_)[regions]
