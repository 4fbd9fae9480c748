"""Poisson expert: counts whose logarithm of the mean is linear."""

import numpy as np
from scipy.special import gammaln
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import PoissonRegressor

from moe_lab.experts.base import Expert
from moe_lab.registry import experts
from moe_lab.table import NumericTable, Prepared


@experts.register("poisson")
class PoissonExpert(Expert):
    """Poisson regression: whole numbers from 0 on, with a log link.

    Parameters
    ----------
    alpha : float, default=1.0
        Precision of the Gaussian prior on the coefficients of standardised columns.
    """

    tasks = ("regression",)
    card_notes = (
        "Its density is one of whole numbers: mix it with experts of its kind.",
        "By scikit-learn's tag target_tags.positive_only it says that it takes no negative y.",
    )

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        return Prepared(NumericTable(scale=True), CountRegressor(self.alpha))


class CountRegressor(RegressorMixin, BaseEstimator):
    """Poisson regression that scores counts, so that EM can train it."""

    parametric = True  # too few parameters to learn rows by heart

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y, sample_weight=None):
        wrong = y[(y < 0) | (y != np.round(y))]
        if len(wrong):
            raise ValueError(
                "y must be whole numbers from 0 on for the expert 'poisson', got "
                f"{wrong[0]:g}; take 'linear' for other targets."
            )
        total = len(y) if sample_weight is None else np.sum(sample_weight)
        self.model_ = PoissonRegressor(alpha=self.alpha / total, max_iter=1000)
        self.model_.fit(X, y, sample_weight)
        self.n_parameters_ = X.shape[1] + 1
        self.log_prior_ = -self.alpha * np.sum(self.model_.coef_**2) / 2
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def log_prob(self, X, y):
        """Return the log-probability of each count in nats, shape (n_samples,)."""
        log_mean = X @ self.model_.coef_ + self.model_.intercept_
        return y * log_mean - np.exp(log_mean) - gammaln(y + 1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags
