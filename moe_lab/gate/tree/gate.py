"""Tree gate: a decision tree whose leaves hold static weights, to be read as rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from moe_lab.gate.base import FeatureGate, Gate, gates
from moe_lab.gate.tree.rules import Rules, leaf_conditions, said
from moe_lab.table import NumericTable, share_table

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

LEAST = 1e-9  # an expert that no row of a leaf trusts keeps this weight there: logs stay finite
FAR = 1e30  # standard deviations


@gates.register("tree")
class TreeGate(FeatureGate):
    """A shallow decision tree on the responsibilities: a gate that can be read.

    Grown by squared error on the rows' responsibilities, all experts at once. Its splits are those
    that the Gini impurity gives for rows repeated once for each expert, with the responsibilities
    as weights, at a fraction of the cost. A leaf's weights are the weighted mean of its
    responsibilities.

    Parameters
    ----------
    max_depth : int or None, default=3
        Questions asked of a row at most.
    min_samples_leaf : int or float, default=0.02
        Least rows in a leaf; below 1, a fraction of all.
    pseudo_count : float, default=1.0
        Rows with the overall weights that are added to each leaf.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.
    random_state : int, RandomState or None, default=0
        Decides between splits of equal worth.

    Attributes
    ----------
    model_ : fitted DecisionTreeRegressor

    Examples
    --------
    >>> X = np.arange(10.0)[:, None]
    >>> gate = TreeGate(pseudo_count=0).fit(X, np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1, 1, 1]])
    >>> print(gate.rules(["age"]))
    age <= 3.5: expert 0 1.00, expert 1 .00; 40 % of the weight
    age > 3.5: expert 0 .00, expert 1 1.00; 60 % of the weight
    """

    takes_reading = True

    def __init__(
        self,
        max_depth: int | None = 3,
        min_samples_leaf: int | float = 0.02,
        pseudo_count: float = 1.0,
        columns: list[str | int] | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.pseudo_count = pseudo_count
        self.columns = columns
        self.random_state = random_state

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        # Trees compare in single precision: standardised numbers keep theirs, be they dates.
        table = NumericTable(columns=self.columns)
        self.table_, features = share_table(table, X, sample_weight)
        return features

    def features(self, X: Table | Reading) -> np.ndarray:
        return self.table_.transform(X)

    def fit_features(
        self,
        features: np.ndarray,
        responsibilities: np.ndarray,
        sample_weight: np.ndarray | None = None,
        start: Gate | None = None,
    ) -> Self:
        from sklearn.tree import DecisionTreeRegressor

        weight = np.ones(len(features)) if sample_weight is None else np.asarray(sample_weight)
        present = np.flatnonzero(weight > 0)  # a row of weight 0 is none, in min_samples_leaf too
        features, responsibilities = _single(features[present]), responsibilities[present]
        weight = weight[present]
        self.model_ = DecisionTreeRegressor(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.random_state,
        ).fit(features, responsibilities, weight / weight.mean())
        leaves = self.model_.apply(features)
        counts = [
            np.bincount(leaves, weight * column, minlength=self.model_.tree_.node_count)
            for column in responsibilities.T
        ]
        self._learn_leaves(np.column_stack(counts))
        return self

    def _learn_leaves(self, counts):
        """Learn the weights of each leaf from its rows; (n_nodes, k), 0 where a node is none."""
        mass = counts.sum(axis=1)
        overall = counts.sum(axis=0) / mass.sum()
        self.leaf_shares_ = mass / mass.sum()
        smoothed = counts + self.pseudo_count * overall
        smoothed[mass == 0] = overall
        smoothed = np.maximum(smoothed, LEAST * smoothed.sum(axis=1, keepdims=True))
        self.leaf_weights_ = smoothed / smoothed.sum(axis=1, keepdims=True)

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        return np.log(self.leaf_weights_)[self.model_.apply(_single(features))]

    @property
    def n_parameters_(self) -> int:
        return self.model_.get_n_leaves() * (self.leaf_weights_.shape[1] - 1)

    def rules(
        self, feature_names: list[str] | None = None, expert_names: list[str] | None = None
    ) -> list[str]:
        """Return the tree in words.

        Parameters
        ----------
        feature_names : list of str, optional
            Names of the columns of X, where it is an array.
        expert_names : list of str, optional
            Default: expert 0, expert 1, ...

        Returns
        -------
        rules : list of str
            One for each leaf: what is asked of a row, in the units of X, the weights of the
            experts, and the leaf's share of all weight. Prints one a line.
        """
        names = expert_names or [f"expert {k}" for k in range(self.leaf_weights_.shape[1])]
        return Rules(
            f"{said(conditions, self.table_, feature_names)}: "
            f"{_shares(names, self.leaf_weights_[leaf])}; "
            f"{100 * self.leaf_shares_[leaf]:.0f} % of the weight"
            for leaf, conditions in leaf_conditions(self.model_.tree_)
        )


def _single(features):
    """Return features in single precision, as trees read them; what is too large for it, cut."""
    return np.clip(features, -FAR, FAR).astype(np.float32)


def _shares(names, weights):
    shares = (f"{weight:.2f}".removeprefix("0") for weight in weights)
    return ", ".join(f"{name} {share}" for name, share in zip(names, shares, strict=True))
