"""Linear experts: ridge regression with Gaussian noise, and softmax regression."""

import numpy as np
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from moe_lab.experts.base import Expert, experts
from moe_lab.softmax import fit_softmax, logits
from moe_lab.table import NumericTable, Prepared


@experts.register("linear")
class LinearExpert(Expert):
    """A linear model: the expert of Jordan & Jacobs (1994).

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the L2 penalty on standardised columns; 0.0 is unregularised.
    """

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        model = (
            GaussianLinear(self.alpha)
            if task == "regression"
            else SoftmaxLinear(self.alpha, n_classes)
        )
        return Prepared(NumericTable(scale=True), model)


class GaussianLinear(RegressorMixin, BaseEstimator):
    """Weighted ridge regression with the maximum-likelihood noise scale.

    Minimises ``sum_i w_i (y_i - b - x_i . coef)^2 + alpha |coef|^2`` in closed form.

    Parameters
    ----------
    alpha : float, default=1.0
    min_scale : float, default=0.0
        Least noise scale, in the unit of y.
    """

    parametric = True

    def __init__(self, alpha=1.0, min_scale=0.0):
        self.alpha = alpha
        self.min_scale = min_scale

    def fit(self, X, y, sample_weight=None):
        if self.alpha < 0:
            raise ValueError(f"alpha must be at least 0, got alpha={self.alpha}.")
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        total = weight.sum()
        x_mean, y_mean = weight @ X / total, weight @ y / total
        centred = X - x_mean
        gram = (centred * weight[:, None]).T @ centred
        moment = centred.T @ (weight * (y - y_mean))
        gram.flat[:: len(gram) + 1] += self.alpha
        self.coef_ = np.linalg.lstsq(gram, moment, rcond=1e-12)[0]
        self.intercept_ = y_mean - x_mean @ self.coef_
        residual = y - self.predict(X)
        self.scale_ = max(
            np.sqrt(weight @ residual**2 / total), self.min_scale, np.finfo(float).tiny
        )
        self.n_parameters_ = len(self.coef_) + 2
        return self

    def predict(self, X):
        return X @ self.coef_ + self.intercept_

    def log_prob(self, X, y):
        """Log density of each y in nats, shape (n_samples,)."""
        z = (y - self.predict(X)) / self.scale_
        return -0.5 * z**2 - np.log(self.scale_) - 0.5 * np.log(2 * np.pi)


class SoftmaxLinear(ClassifierMixin, BaseEstimator):
    """Weighted multinomial logistic regression on class codes.

    Parameters
    ----------
    alpha : float, default=1.0
        L2 penalty: 1 / C of scikit-learn.
    n_classes : int, optional
        None: those of y.
    """

    parametric = True

    def __init__(self, alpha=1.0, n_classes=None):
        self.alpha = alpha
        self.n_classes = n_classes

    def fit(self, X, y, sample_weight=None):
        if self.alpha < 0:
            raise ValueError(f"alpha must be at least 0, got alpha={self.alpha}.")
        n_classes = self.n_classes or int(y.max()) + 1
        self.classes_ = np.arange(n_classes)
        C = np.inf if self.alpha == 0 else 1 / self.alpha
        self.coef_ = fit_softmax(X, np.eye(n_classes)[y], sample_weight, C=C)
        self.n_parameters_ = len(self.coef_) * (n_classes - 1)
        return self

    def predict_log_proba(self, X):
        return log_softmax(logits(X, self.coef_), axis=1)

    def predict_proba(self, X):
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        return self.classes_[self.predict_log_proba(X).argmax(axis=1)]

    def log_prob(self, X, y):
        """Log probability of each class code in nats, shape (n_samples,)."""
        return self.predict_log_proba(X)[np.arange(len(y)), y]
