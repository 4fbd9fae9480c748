"""Huber expert: a line that outliers do not bend."""

from sklearn.linear_model import HuberRegressor

from moe_lab.experts.base import Expert
from moe_lab.table import NumericTable, Prepared


class HuberExpert(Expert):
    """Linear regression that counts large residuals once, not squared.

    Parameters
    ----------
    epsilon : float, default=1.35
        From so many noise scales on a residual is large.
    """

    tasks = ("regression",)

    def __init__(self, epsilon=1.35):
        self.epsilon = epsilon

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        """Build an unfitted estimator behind the table's preparation."""
        model = HuberRegressor(epsilon=self.epsilon, max_iter=500)
        return Prepared(NumericTable(scale=True), model)
