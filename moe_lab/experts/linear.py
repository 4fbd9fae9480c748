"""Linear experts: regression with Gaussian noise, and softmax regression."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from moe_lab.experts.base import Expert, experts
from moe_lab.likelihood.arrays import blocks, log_softmax, logits, softmax
from moe_lab.likelihood.linear_problem import directions, rank
from moe_lab.likelihood.numbers import check_number
from moe_lab.likelihood.outcome import LEAST_SCALE, gaussian_log_density
from moe_lab.likelihood.softmax import fit_softmax, softmax_gradient
from moe_lab.table import NumericTable, Prepared

MOST_CROWDED = 0.9  # columns for each row up to which in-sample noise says something
LEAST_FREE = 0.1  # of the rows: degrees of freedom that are left at least
MAX_TURNS = 100  # of coefficients and noise scale
BEYOND, FAR_BEYOND = 1.0, 10.0  # ranges of a column that a line goes on beyond it
TAIL, LEAST_TAIL = 0.01, 10  # share of the rows, and rows, that are outermost
HOLDS = 0.5  # of the squares left there: a line that leaves less there goes on far beyond


@experts.register("linear")
class LinearExpert(Expert):
    """A linear model: the expert of Jordan & Jacobs (1994).

    Parameters
    ----------
    alpha : float, default=1.0
        Precision of the Gaussian prior on the coefficients of standardised columns, whose standard
        deviation is that of y for alpha=1 (log-odds of 1 in classification), less where columns
        are about as many as rows; 0.0 is unregularised.
    columns : list of str or int, optional
        The columns it reads; None: all.
    """

    def __init__(self, alpha: float = 1.0, columns: list[str | int] | None = None):
        self.alpha = alpha
        self.columns = columns

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        model = (
            GaussianLinear(self.alpha)
            if task == "regression"
            else SoftmaxLinear(self.alpha, n_classes)
        )
        return Prepared(NumericTable(scale=True, columns=self.columns), model)


class GaussianLinear(RegressorMixin, BaseEstimator):
    """Weighted linear regression with Gaussian noise and a Gaussian prior on its coefficients.

    Maximises the weighted log-likelihood plus ``log_prior_``, over coefficients and noise scale at
    once. That is ridge regression with penalty ``alpha (scale / prior_scale)^2 / (1 - c) + alpha
    c^3``, where c is the number of columns for each row, at most 1 (.9 in the first term): strong
    where noise hides the line, weak where it is plain. As many columns as rows fit any y, and then
    the scale, in-sample, says nothing of the noise; c keeps the penalty. y may come in any unit.

    A new row is drawn in to within twice the range of each column, since one far out would carry
    the line anywhere; to within eleven ranges where the outermost rows follow the line.

    Parameters
    ----------
    alpha : float, default=1.0
        Precision of the prior; 0.0 is unregularised.
    min_scale : float, default=0.0
        Least noise scale, in the unit of y.
    prior_scale : float, optional
        Standard deviation of a coefficient before the data are seen, for alpha=1; default: that of
        y.
    prior_coef : ndarray of shape (n_features,), optional
        Where the prior is centred; default 0.
    n_rows : float, optional
        Rows to count on in the penalty; default: the sum of the weights.
    warm_start : bool, default=False
        Start from the noise scale of the last fit: what a fit maximises then never drops.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    intercept_, scale_ : float
    reach_ : tuple of two ndarrays of shape (n_features,), or None
        Least and largest numbers that the line reads; with ``warm_start`` it reads all.
    """

    parametric = True
    growth = 0.7
    reach_: tuple | None = None

    def __init__(
        self,
        alpha: float = 1.0,
        min_scale: float = 0.0,
        prior_scale: float | None = None,
        prior_coef: np.ndarray | None = None,
        n_rows: float | None = None,
        warm_start: bool = False,
    ):
        self.alpha = alpha
        self.min_scale = min_scale
        self.prior_scale = prior_scale
        self.prior_coef = prior_coef
        self.n_rows = n_rows
        self.warm_start = warm_start

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        check_number("alpha", self.alpha)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        total = weight.sum()
        x_mean, y_mean = weight @ X / total, weight @ y / total
        gram, moment = _moments(X, y, weight, x_mean, y_mean)
        spread = np.sqrt(weight @ (y - y_mean) ** 2 / total)
        crowding = X.shape[1] / (self.n_rows or total)  # columns for each row
        self.precision_ = self.alpha / (self.prior_scale or spread or 1.0) ** 2
        self.precision_ /= 1 - min(crowding, MOST_CROWDED)
        self.least_penalty_ = self.alpha * min(crowding, 1.0) ** 3
        known = self.warm_start and hasattr(self, "scale_")
        axes = directions(gram)
        start = self.scale_ if known else spread  # type: ignore[has-type]
        self.reach_ = None
        self.coef_ = self._solve(*axes, moment, spread, total, start)
        self.intercept_ = y_mean - x_mean @ self.coef_
        residual = y - self.predict(X)
        squares = weight @ residual**2
        if not self.warm_start:
            self.reach_ = _reach(X, residual, weight, self.coef_)
        penalised = squares + self.least_penalty_ * self._excess
        self.origin_ = self.intercept_
        self.unit_ = self.scale_ = self._floored(np.sqrt(penalised / total))
        self.n_parameters_ = int(np.count_nonzero(axes[0])) + 2
        return self._learn_spread(*axes, squares, x_mean, total)

    def learn_spread(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray) -> None:
        """Learn again how uncertain the coefficients are, where ``vector`` has moved them."""
        total = sample_weight.sum()
        x_mean, y_mean = sample_weight @ X / total, sample_weight @ y / total
        gram, _ = _moments(X, y, sample_weight, x_mean, y_mean)
        squares = sample_weight @ (y - self.predict(X)) ** 2
        return self._learn_spread(*directions(gram), squares, x_mean, total)

    def _learn_spread(self, values, vectors, squares, x_mean, total):
        """Keep the covariance of the coefficients and the noise scale free of their optimism.

        ``roots_`` is a root of the covariance in units of the noise. With the coefficients
        integrated out, y has a t distribution, whose variance is the squares over two fewer rows
        than there are degrees of freedom.
        """
        strength = values + self.precision_ * self.scale_**2 + self.least_penalty_
        inverse = np.divide(1.0, strength, out=np.zeros(len(values)), where=strength > 0)
        degrees = total - values @ inverse - 1  # of freedom
        self.roots_, self.x_mean_, self.n_rows_ = vectors * np.sqrt(inverse), x_mean, total
        self.noise_ = self._floored(np.sqrt(squares / max(degrees - 2, LEAST_FREE * total)))
        return self

    def _solve(self, values, vectors, moment, spread, total, scale):
        """Improve coefficients and noise scale in turn, from sums over the rows alone."""
        moment, centre = vectors.T @ moment, vectors.T @ self._centre(len(moment))
        for _ in range(MAX_TURNS):
            penalty = self.precision_ * scale**2 + self.least_penalty_
            pulled = moment + penalty * centre
            coef = np.divide(pulled, values + penalty, out=centre.copy(), where=values > 0)
            squares = total * spread**2 - 2 * coef @ moment + values @ coef**2
            squares += self.least_penalty_ * np.sum((coef - centre) ** 2)
            last, scale = scale, self._floored(np.sqrt(max(squares, 0.0) / total))
            if self.alpha == 0 or abs(scale - last) <= 1e-10 * last:
                break
        return vectors @ coef

    def _centre(self, n_features):
        return np.zeros(n_features) if self.prior_coef is None else self.prior_coef

    def _floored(self, scale):
        return max(scale, self.min_scale, LEAST_SCALE)

    def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
        """Return the mean of y, (n_samples,), and if asked the standard deviation of a new y,
        which counts that coefficients and noise scale were estimated; likewise."""
        X = X if self.reach_ is None else np.clip(X, *self.reach_)
        mean = X @ self.coef_ + self.intercept_
        if not return_std:
            return mean
        leverage = np.sum(((X - self.x_mean_) @ self.roots_) ** 2, axis=1)
        return mean, self.noise_ * np.sqrt(1 + 1 / self.n_rows_ + leverage)

    def log_prob(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Log density of each y in nats, shape (n_samples,)."""
        return gaussian_log_density(y - self.predict(X), self.scale_)

    @property
    def log_prior_(self) -> float:
        return -0.5 * (self.precision_ + self.least_penalty_ / self.scale_**2) * self._excess

    @property
    def _excess(self):
        """The squared distance of the coefficients from the prior's centre."""
        return np.sum((self.coef_ - self._centre(len(self.coef_))) ** 2)

    @property
    def vector(self) -> np.ndarray:
        """Coefficients and intercept, from that of fit, in units of the fitted noise scale, and its
        logarithm."""
        moved = np.append(self.coef_, self.intercept_ - self.origin_)
        return np.append(moved / self.unit_, np.log(self.scale_))

    @vector.setter
    def vector(self, vector: np.ndarray) -> None:
        self.coef_ = vector[:-2] * self.unit_
        self.intercept_ = self.origin_ + vector[-2] * self.unit_
        self.scale_ = np.exp(vector[-1])

    @property
    def least_vector(self) -> np.ndarray:
        """Lower bounds of ``vector``."""
        bounds = np.full(len(self.coef_) + 2, -np.inf)
        bounds[-1] = np.log(self._floored(0.0))
        return bounds

    def gradient(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        z = (y - self.predict(X)) / self.scale_
        pull = sample_weight * z
        slopes = np.append(X.T @ pull, pull.sum()) / self.scale_
        floor = self.least_penalty_ / self.scale_**2
        slopes[:-1] -= (self.precision_ + floor) * (self.coef_ - self._centre(len(self.coef_)))
        of_scale = pull @ z - sample_weight.sum() + floor * self._excess
        return np.append(slopes * self.unit_, of_scale)


def _moments(X, y, weight, x_mean, y_mean):
    """Return the weighted cross-products of the centred columns, with each other and with y."""
    gram, moment = np.zeros((X.shape[1], X.shape[1])), np.zeros(X.shape[1])
    for rows in blocks(len(y), X.shape[1] + 1):
        centred = X[rows] - x_mean
        weighted = centred * weight[rows, None]
        gram += weighted.T @ centred
        moment += weighted.T @ (y[rows] - y_mean)
    return gram, moment


def _reach(X, residual, weight, coef):
    """Return how far a line goes on to either side of each column, two arrays (n_features,)."""
    present = weight > 0
    if not present.all():
        X, residual, weight = X[present], residual[present], weight[present]
    reach = np.empty((2, len(coef)))
    for j, slope in enumerate(coef):
        x = np.ascontiguousarray(X[:, j])
        low, high = x.min(), x.max()
        if ((x == low) | (x == high)).all():  # levels: nothing lies beyond
            reach[:, j] = low, high
            continue
        below, above = (_beyond(side * x, side * slope, residual, weight) for side in (-1, 1))
        reach[:, j] = low - below * (high - low), high + above * (high - low)
    return tuple(reach)


def _beyond(x, slope, residual, weight):
    """Return how many ranges a line goes on above a column: far where the outermost rows follow it
    much better than they follow its end there."""
    few = min(max(LEAST_TAIL, int(TAIL * len(x))), len(x) // 2)
    tail = np.argpartition(x, len(x) - few - 1)[len(x) - few :]
    flat = residual[tail] + slope * (x[tail] - x[tail].min())
    follows = weight[tail] @ residual[tail] ** 2 < HOLDS * (weight[tail] @ flat**2)
    return FAR_BEYOND if follows else BEYOND


class SoftmaxLinear(ClassifierMixin, BaseEstimator):
    """Weighted multinomial logistic regression on class codes.

    Parameters
    ----------
    alpha : float, default=1.0
        L2 penalty: 1 / C of scikit-learn.
    n_classes : int, optional
        None: those of y.
    prior_coef : ndarray of shape (n_features, n_classes), optional
        Where the penalty is 0; its rows sum to 0. Default 0.
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    """

    parametric = True
    growth = 0.7

    def __init__(
        self,
        alpha: float = 1.0,
        n_classes: int | None = None,
        prior_coef: np.ndarray | None = None,
        warm_start: bool = False,
    ):
        self.alpha = alpha
        self.n_classes = n_classes
        self.prior_coef = prior_coef
        self.warm_start = warm_start

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        check_number("alpha", self.alpha)
        n_classes = self.n_classes or int(y.max()) + 1
        self.classes_ = np.arange(n_classes)
        start = getattr(self, "coef_", None) if self.warm_start else None
        self.coef_ = fit_softmax(
            X, np.eye(n_classes)[y], sample_weight, C=self._C, coef=start, centre=self._centre
        )
        if start is None:  # later fits of EM have the same columns
            self.n_parameters_ = (rank(X, sample_weight) + 1) * (n_classes - 1)
        return self

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        return log_softmax(logits(X, self.coef_))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return softmax(logits(X, self.coef_))

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_log_proba(X).argmax(axis=1)]

    def log_prob(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Log probability of each class code in nats, shape (n_samples,)."""
        return self.predict_log_proba(X)[np.arange(len(y)), y]

    @property
    def log_prior_(self) -> float:
        return -self.alpha * np.sum((self.coef_[:-1] - self._centre) ** 2) / 2

    @property
    def _C(self):
        return np.inf if self.alpha == 0 else 1 / self.alpha

    @property
    def _centre(self):
        return 0.0 if self.prior_coef is None else self.prior_coef

    @property
    def vector(self) -> np.ndarray:
        """The coefficients, 1-D."""
        return self.coef_.ravel()

    @vector.setter
    def vector(self, vector: np.ndarray) -> None:
        self.coef_ = vector.reshape(self.coef_.shape)

    def gradient(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Return the gradient of the objective of ``fit`` in ``vector``, 1-D."""
        targets = np.eye(self.coef_.shape[1])[y]
        return softmax_gradient(
            X, self.coef_, targets, sample_weight, C=self._C, centre=self._centre
        ).ravel()
