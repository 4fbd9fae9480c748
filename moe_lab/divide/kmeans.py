"""k-means: neighbours start with the same expert."""

import numpy as np

from moe_lab.divide.base import Divider, dividers
from moe_lab.table import NumericTable

MANY = 10_000  # rows above which minibatches do


@dividers.register("kmeans")
class KMeansDivider(Divider):
    """k-means on the standardised table; each cluster is one expert's part. y plays no role."""

    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        from sklearn.cluster import KMeans, MiniBatchKMeans

        n_samples = len(X)
        if n_experts is None or not 1 <= n_experts <= n_samples:
            raise ValueError(
                "n_experts must be from 1 to n_samples to divide by k-means, got "
                f"n_experts={n_experts} and n_samples={n_samples}."
            )
        Z = NumericTable(scale=True).fit(X, sample_weight=sample_weight).transform(X)
        model = MiniBatchKMeans if n_samples > MANY else KMeans
        clusters = model(n_experts, n_init=5, random_state=random_state)
        return np.eye(n_experts)[clusters.fit(Z, sample_weight=sample_weight).predict(Z)]
