"""Domain knowledge: pandas expressions say where each expert starts."""

from collections.abc import Sequence

import numpy as np

from moe_lab.divide.base import Divider, dividers
from moe_lab.table.forms import Table
from moe_lab.table.rules import rule_regions


@dividers.register("rules")
class RulesDivider(Divider):
    """One expert for each rule, in their order; the first rule that holds decides about a row.

    Rows for which no rule holds start with one more expert, the last.

    Parameters
    ----------
    rules : list of str
        pandas expressions such as ``"age < 30 and smoker == 'yes'"``; columns of an array are
        called x0, x1, ...
    """

    takes_reading = True
    example_params = {"rules": ["x0 < 0", "group == 'a'"]}

    def __init__(self, rules: Sequence[str] = ()):
        self.rules = rules

    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None = None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        regions = rule_regions(X, self.rules)
        sizes = np.bincount(regions, minlength=len(self.rules) + 1)
        for rule, size in zip(self.rules, sizes, strict=False):
            if size == 0:
                raise ValueError(
                    f"Every rule must hold for some row that earlier rules leave, got none for "
                    f"{rule!r}. Drop it, or move it up."
                )
        n_parts = len(self.rules) + int(sizes[-1] > 0)
        if n_experts is not None and n_experts != n_parts:
            rest = "and the rows that none of them holds for" if sizes[-1] else "which hold for all"
            raise ValueError(
                f"n_experts must be None or {n_parts}, got n_experts={n_experts} and "
                f"{len(self.rules)} rules {rest}."
            )
        return np.eye(n_parts)[regions]
