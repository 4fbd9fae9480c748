"""k-means: neighbours start with the same expert."""

import numpy as np

from moe_lab.divide.base import Divider, dividers
from moe_lab.table import NumericTable, share_table
from moe_lab.table.forms import Table
from moe_lab.table.inputs import count_distinct

MANY = 10_000  # rows above which minibatches do


@dividers.register("kmeans")
class KMeansDivider(Divider):
    """k-means on the standardised table; each cluster is one expert's part. y plays no role."""

    takes_reading = True

    def divide(
        self,
        X: Table,
        y: np.ndarray,
        *,
        n_experts: int | None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        _, Z = share_table(NumericTable(scale=True), X, sample_weight)
        return clusters(Z, n_experts, sample_weight, random_state)


def clusters(
    Z: np.ndarray,
    n_experts: int | None,
    sample_weight: np.ndarray | None = None,
    random_state: int | None = None,
) -> np.ndarray:
    """Return the k-means cluster of each row, one-hot, shape (n_samples, n_experts).

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Standardised numbers.

    Raises
    ------
    ValueError
        If there are fewer distinct rows than experts.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    n_samples = len(Z)
    if n_experts is None or not 1 <= n_experts <= n_samples:
        raise ValueError(
            "n_experts must be from 1 to n_samples to divide into clusters, got "
            f"n_experts={n_experts} and n_samples={n_samples}."
        )
    n_distinct = count_distinct(Z, enough=n_experts)
    if n_distinct < n_experts:
        raise ValueError(
            "n_experts must be at most the number of distinct rows to divide into clusters, got "
            f"n_experts={n_experts} and {n_distinct} distinct rows. Use fewer experts, or "
            "divide='random'."
        )
    model = MiniBatchKMeans if n_samples > MANY else KMeans
    model = model(n_experts, n_init=5, random_state=random_state)
    return np.eye(n_experts)[model.fit(Z, sample_weight=sample_weight).predict(Z)]
