"""Hierarchical gate: a tree of gates whose products weight the experts at the leaves."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone

from moe_lab.gate.base import FeatureGate, Gate, as_gate, gates
from moe_lab.gate.hierarchical.tree import balanced_tree, check_tree, leaves, nodes, prune
from moe_lab.gate.powers import HasDensity, Parametric
from moe_lab.registry.powers import has_power
from moe_lab.table import given_to

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


@gates.register("hierarchical")
class HierarchicalGate(FeatureGate):
    """Gate of a hierarchical mixture of experts (Jordan & Jacobs, 1994).

    Each node of a tree has a gate of its own, which says to which of its branches a row belongs;
    the product of these weights along the way is the weight of the expert at a leaf. A node's gate
    is fitted to the responsibilities of its branches, conditional on reaching it, and a row weighs
    as much as the responsibility by which it reaches the node.

    Parameters
    ----------
    branches : int or list of int, default=2
        How many branches every node of a balanced tree has; a list has one number for each depth,
        the last for all that is deeper.
    tree : nested list, optional
        The tree itself, such as ``[[0, 1], [2, [3, 4]]]`` for five experts, instead of a balanced
        one.
    node : name, (name, params), Gate, or a list of these, default="softmax"
        The gates at the nodes; a list has one for each depth, the last for all that is deeper.

    Attributes
    ----------
    tree_ : nested list of the experts' numbers
    nodes_ : dict
        From the path to a node, such as ``(0, 1)`` for the root's first child's second child, to
        its fitted gate; ``()`` is the root.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> responsibilities = np.eye(4)[np.repeat([0, 1, 2, 3], 10)]
    >>> gate = HierarchicalGate().fit(X, responsibilities)
    >>> gate.tree_
    [[0, 1], [2, 3]]
    >>> root, left = gate.nodes_[()].predict_proba(X), gate.nodes_[(0,)].predict_proba(X)
    >>> np.allclose(gate.predict_proba(X)[:, 1], root[:, 0] * left[:, 1])
    True
    """

    takes_reading = True

    def __init__(
        self, branches: int | list[int] = 2, tree: tuple | list | None = None, node: Any = "softmax"
    ):
        self.branches = branches
        self.tree = tree
        self.node = node

    @property
    def parametric(self) -> bool:  # type: ignore[override]
        return all(
            has_power(gate, Parametric) and not has_power(gate, HasDensity)
            for gate in self._kinds()
        )

    def learn_features(self, X: Table | Reading, sample_weight: np.ndarray | None = None) -> Any:
        self.kinds_ = self._kinds()
        return [gate.learn_features(given_to(gate, X), sample_weight) for gate in self.kinds_]

    def features(self, X: Table | Reading) -> Any:
        return [gate.features(given_to(gate, X)) for gate in self.kinds_]

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        n_samples, n_experts = responsibilities.shape
        weight = np.ones(n_samples) if sample_weight is None else sample_weight
        self.tree_ = self._tree(n_experts)
        known = {} if start is None or start.tree_ != self.tree_ else start.nodes_
        self.nodes_ = {}
        for path, node in nodes(self.tree_):
            conditional, reach = _conditional(node, responsibilities)
            kind = self._kind(path)
            gate = copy(self.kinds_[kind])
            reached = weight * reach if reach.any() else weight
            gate.fit_features(features[kind], conditional, reached, start=known.get(path))
            self.nodes_[path] = gate
        return self

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        log_proba = np.zeros((len(features[0]), len(leaves(self.tree_))))
        for path, node in nodes(self.tree_):
            log_weights = self.nodes_[path].log_proba_features(features[self._kind(path)])
            for branch, child in enumerate(node):
                log_proba[:, leaves(child)] += log_weights[:, [branch]]
        return log_proba

    def node_weights(self, X: Table | Reading) -> dict:
        """Return the probability of reaching each node and leaf.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)

        Returns
        -------
        weights : dict from path to ndarray of shape (n_samples,)
            ``()`` is the root, reached by every row; ``(0, 1)`` the root's first child's second
            child.
        """
        features = self.features(X)
        weights = {(): np.ones(len(X))}
        for path, node in nodes(self.tree_):
            gate = self.nodes_[path]
            shares = np.exp(gate.log_proba_features(features[self._kind(path)]))
            for branch in range(len(node)):
                weights[(*path, branch)] = weights[path] * shares[:, branch]
        return weights

    def without(self, dropped: Iterable[int], n_experts: int) -> Self:
        """Return this gate for a mixture without some of its experts: their branches go.

        Parameters
        ----------
        dropped : ndarray of int
            Numbers of the experts to leave out; the others move up.
        n_experts : int
            How many there were.
        """
        gate = copy(self)
        gate.tree = prune(self._tree(n_experts), set(map(int, dropped)))
        return gate

    @property
    def log_prior_(self) -> float:  # type: ignore[override]
        return sum(gate.log_prior_ for gate in self.nodes_.values())

    @property
    def n_parameters_(self) -> int:
        return sum(gate.n_parameters_ for gate in self.nodes_.values())

    @property
    def vector(self) -> np.ndarray:
        return np.concatenate([np.empty(0), *(gate.vector for gate in self.nodes_.values())])

    @vector.setter
    def vector(self, vector: np.ndarray) -> None:
        sizes = np.cumsum([len(gate.vector) for gate in self.nodes_.values()])
        for gate, part in zip(self.nodes_.values(), np.split(vector, sizes[:-1]), strict=True):
            gate.vector = part

    def gradient(
        self, features: np.ndarray, responsibilities: np.ndarray, sample_weight: np.ndarray
    ) -> np.ndarray:
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        parts = []
        for path, node in nodes(self.tree_):
            conditional, reach = _conditional(node, responsibilities)
            gate, Z = self.nodes_[path], features[self._kind(path)]
            parts.append(gate.gradient(Z, conditional, sample_weight * reach))
        return np.concatenate([np.empty(0), *parts])

    def _kinds(self):
        listed = self.node if isinstance(self.node, list) else [self.node]
        return [clone(as_gate(node)) for node in listed]

    def _kind(self, path):
        return min(len(path), len(self.kinds_) - 1)

    def _tree(self, n_experts):
        if self.tree is not None:
            return check_tree(self.tree, n_experts)
        return balanced_tree(self.branches, n_experts)


def _conditional(node, responsibilities):
    """Return the responsibilities of a node's branches given that a row reaches it, and that it
    does."""
    mass = np.column_stack([responsibilities[:, leaves(child)].sum(axis=1) for child in node])
    reach = mass.sum(axis=1)
    known = reach > 0
    mass[known] /= reach[known, None]
    mass[~known] = 1 / len(node)
    return mass, reach
