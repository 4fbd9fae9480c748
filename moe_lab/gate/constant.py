"""Constant gate: the same weights for every input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.gate.base import LinearGate, gates

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


@gates.register("constant")
class ConstantGate(LinearGate):
    """Static weights: the control that says what an input-dependent gate adds."""

    takes_reading = True
    C = np.inf

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        return self.features(X)

    def features(self, X: Table | Reading) -> np.ndarray:
        return np.empty((len(X), 0))
