"""Softmax gate: multinomial logistic regression on the responsibilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.gate.base import LinearGate, gates
from moe_lab.table import NumericTable, share_table

if TYPE_CHECKING:
    import numpy as np

    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


@gates.register("softmax")
class SoftmaxGate(LinearGate):
    """Linear-softmax gate of Jordan & Jacobs (1994).

    Reads the table standardised; categories one-hot, missing values imputed and flagged.

    Parameters
    ----------
    C : float or "auto", default="auto"
        Inverse L2 strength; smaller values give flatter gate weights, ``np.inf`` is unregularised.
        "auto" is 1; trained by EM with parametric experts, less where columns are about as many as
        rows for each expert, and a thirtieth or a third of the rows where held-out rows are
        explained clearly better by that: C = 1 blurs hard borders however many rows there are, and
        sharper gates overfit soft ones.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features + 1, n_experts)
        The last row holds the intercepts.
    C_ : float
        The ``C`` in use: where that is "auto" 1, or what EM chose for the rows.
    """

    takes_reading = True

    def __init__(self, C: float | str = "auto", columns: list[str | int] | None = None):
        self.C = C
        self.columns = columns

    @property
    def C_(self) -> float:
        return 1.0 if isinstance(self.C, str) and self.C == "auto" else self.C

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        table = NumericTable(columns=self.columns)
        self.table_, features = share_table(table, X, sample_weight)
        return features

    def features(self, X: Table | Reading) -> np.ndarray:
        return self.table_.transform(X)
