"""Tree: the boxes of the input that say most about y."""

from numbers import Real

import numpy as np

from moe_lab.divide.base import Divider, dividers
from moe_lab.table import NumericTable, share_table
from moe_lab.table.forms import Table


@dividers.register("tree")
class TreeDivider(Divider):
    """Leaves of a decision tree of (X, y); each leaf is one expert's part.

    The tree grows best first until it has ``n_experts`` leaves.

    Parameters
    ----------
    min_share : float, default=0.1
        Least weight of a part, as a share of an even part, so that no expert starts with a few
        outliers.
    """

    takes_reading = True

    def __init__(self, min_share: float = 0.1):
        self.min_share = min_share

    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        if n_experts is None or n_experts < 1:
            raise ValueError(f"n_experts must be at least 1 to divide by a tree, got {n_experts}.")
        if not (isinstance(self.min_share, Real) and 0 <= self.min_share <= 1):
            raise ValueError(f"min_share must be from 0 to 1, got min_share={self.min_share!r}.")
        if n_experts == 1:
            return np.ones((len(y), 1))
        leaves = self._leaves(X, y, n_experts, sample_weight, random_state)
        names, part = np.unique(leaves, return_inverse=True)
        if len(names) < n_experts:
            raise ValueError(
                "n_experts must be at most the number of leaves that a tree of y can grow, got "
                f"n_experts={n_experts} and {len(names)} leaves. Use fewer experts, a smaller "
                "min_share, or divide='kmeans', which does not look at y."
            )
        return np.eye(n_experts)[part]

    def _leaves(self, X, y, n_experts, sample_weight, random_state):
        """Grow the tree; return each row's leaf, shape (n_samples,)."""
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        table = NumericTable(scale=True, one_hot=False)  # standardised: trees read 32 bits
        _, Z = share_table(table, X, sample_weight)
        model = DecisionTreeRegressor if np.asarray(y).dtype.kind == "f" else DecisionTreeClassifier
        tree = model(
            max_leaf_nodes=n_experts,
            min_weight_fraction_leaf=self.min_share / n_experts,
            random_state=random_state,
        )
        return tree.fit(Z, y, sample_weight=sample_weight).apply(Z)
