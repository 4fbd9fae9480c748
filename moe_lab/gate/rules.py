"""Rules gate: static weights within each region that rules describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from moe_lab.gate.base import gates
from moe_lab.gate.region import RegionGate
from moe_lab.table.rules import rule_regions

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


@gates.register("rules")
class RulesGate(RegionGate):
    """Domain knowledge as a gate: each rule's region has weights of its own.

    Parameters
    ----------
    rules : list of str
        pandas expressions such as ``"age < 30 and smoker == 'yes'"``. The first rule that holds
        decides; rows for which none does form a region of their own. A region without rows in fit
        gets the overall weights.
    pseudo_count : float, default=1.0
        Rows of equal trust that are added to each region.
    """

    takes_reading = True
    example_params = {"rules": ["x0 < 0", "group == 'a'"]}

    def __init__(self, rules: Sequence[str] = (), pseudo_count: float = 1.0):
        self.rules = rules
        self.pseudo_count = pseudo_count

    def features(self, X: Table | Reading) -> np.ndarray:
        regions = rule_regions(X, self.rules)  # (n,), len(rules) where none holds
        return np.eye(len(self.rules) + 1)[regions]
