"""Retelling a gate in rules."""

from dataclasses import dataclass

from sklearn.utils.validation import check_is_fitted

from moe_lab.explain.importance import total_variation
from moe_lab.registry import gates

__all__ = ["Retelling", "retell"]


@dataclass
class Retelling:
    """A gate in a few rules.

    Attributes
    ----------
    rules : list of str, one per leaf of the tree
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
            f"same expert for {self.fidelity:.1%} of the rows; "
            f"{self.total_variation:.1%} of the trust misplaced"
        )
        return "\n".join([*self.rules, f"({said})"])


def retell(mixture, X, *, max_depth=3):
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
    """
    check_is_fitted(mixture)
    gate_weights = mixture.gate_weights(X)
    gate = gates.create("tree", max_depth=max_depth).fit(X, gate_weights)
    retold = gate.predict_proba(X)
    same = retold.argmax(axis=1) == gate_weights.argmax(axis=1)
    return Retelling(gate.rules(), float(same.mean()), total_variation(gate_weights, retold), gate)
