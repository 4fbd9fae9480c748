"""Retelling a gate in rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from moe_lab.inspection.importance import total_variation
from moe_lab.likelihood.arrays import vary
from moe_lab.mixture.names import expert_names
from moe_lab.registry import gates
from moe_lab.table.inputs import read_table

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["Retelling", "retell"]


@dataclass
class Retelling:
    """A gate in a few rules.

    Attributes
    ----------
    rules : list of str, one per leaf of the tree
        In the units of the columns; prints one a line.
    fidelity : float
        Fraction of the rows for which the rules trust the same expert most.
    total_variation : float
        Fraction of trust that the rules give to another expert than the gate does, mean over rows.
    gate : fitted TreeGate
    """

    rules: list
    fidelity: float
    total_variation: float
    gate: object

    def __str__(self):
        said = (
            f"same expert for {100 * self.fidelity:.1f} % of the rows; "
            f"{100 * self.total_variation:.1f} % of the trust misplaced"
        )
        return f"{self.rules}\n({said})"


def retell(mixture: MoERegressor | MoEClassifier, X: Table, *, max_depth: int = 3) -> Retelling:
    """Retell a gate as a shallow decision tree.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or array-like of shape (n_samples, n_features)
        Rows on which the tree learns from the gate weights, and is held against them.
    max_depth : int, default=3
        Questions asked of a row at most.

    Returns
    -------
    retelling : Retelling
        Print it to read the rules and how faithful they are.

    References
    ----------
    Craven & Shavlik (1996), extracting tree-structured representations of trained networks.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from moe_lab import MoERegressor
    >>> X = pd.DataFrame({"age": np.linspace(20, 60, 200)})
    >>> y = (X["age"] - 35).abs() + np.random.default_rng(0).normal(size=200)
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(X, y)
    >>> print(retell(moe, X, max_depth=1))
    age <= ...: expert 0 ..., expert 1 ...; ... % of the weight
    age > ...: expert 0 ..., expert 1 ...; ... % of the weight
    (same expert for ... % of the rows; ... % of the trust misplaced)
    """
    check_is_fitted(mixture)
    X = read_table(mixture, X)
    gate_weights = mixture.gate_weights(X)
    if not vary(gate_weights):
        gate_weights = np.tile(gate_weights[0], (len(gate_weights), 1))
    gate = gates.create("tree", max_depth=max_depth).fit(X, gate_weights)
    rules, again = gate.rules(expert_names=expert_names(mixture)), gate.predict_proba(X)
    same = again.argmax(axis=1) == gate_weights.argmax(axis=1)
    return Retelling(rules, float(same.mean()), total_variation(gate_weights, again), gate)
