"""Linear mixture: linear experts behind a softmax gate, shrunk towards one linear model."""

from copy import copy
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

from moe_lab.experts.base import Expert, experts
from moe_lab.experts.linear import GaussianLinear, SoftmaxLinear
from moe_lab.likelihood.arrays import log_softmax, logits
from moe_lab.likelihood.deviations import LogLossDeviations, SquaredErrorDeviations
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.linear_problem import lbfgs, rank
from moe_lab.table import NumericTable, Prepared
from moe_lab.table.folds import make_folds
from moe_lab.table.forms import Table
from moe_lab.table.inputs import count_distinct

PATH = (30.0, 10.0, 3.0, 1.0, 0.1)  # penalties, from near one linear model to nearly free
SHORT_PATH, FEW_STARTS = (10.0, 1.0, 0.1), 2  # for more than two classes, where each costs more
MOST_ROWS = 3000  # that choose the penalty
MOST_TERMS = 2_000_000  # rows times columns times outputs that choose it
MOST_CLASSES, LEAST_ROWS = 10, 10  # classes; rows for each column: regimes need so many
MARGIN = 0.1  # of a column's range
ONE_SIDED = 1.645  # standard errors: 5 % of a normal distribution lie above
SCALE_ROUNDS = 30
SHORT = 15  # rounds of L-BFGS from every start; the best goes on
MAX_ITER, TOL = 80, 1e-5  # of L-BFGS; the loss is in units of what the linear model leaves


@experts.register("linear_mixture")
class LinearMixtureExpert(Expert):
    """A mixture of linear experts as one expert: cheap, and strong where there are regimes.

    The experts' coefficients are penalised by their distance from those of one linear model of the
    whole table, the gate's by their size. The penalty is chosen on held-out rows from a path that
    begins at the linear model itself, which is kept unless a mixture is better beyond chance (5 %):
    few rows do no harm. It is kept, too, for more than 10 classes and for fewer than 10 rows a
    column in the folds. The penalty is chosen on 3000 rows at most, fewer where columns times
    classes are many.

    Parameters
    ----------
    n_experts : int, default=3
    n_init : int, default=6
        Short runs for each penalty, besides one from the mixture of the stronger one before it; of
        more than two classes 2 at most.
    cv : int, default=3
        One of so many folds, the last, is held out to choose the penalty.
    """

    def __init__(self, n_experts: int = 3, n_init: int = 6, cv: int = 3):
        self.n_experts = n_experts
        self.n_init = n_init
        self.cv = cv

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind: Any = LinearMixtureRegressor
        if task == "classification":
            kind = partial(LinearMixtureClassifier, n_classes=n_classes)
        model = kind(self.n_experts, n_init=self.n_init, cv=self.cv, random_state=random_state)
        return Prepared(NumericTable(scale=True), model)


class SoftmaxWeights(NamedTuple):
    """The gate of a linear mixture: log weights linear in the standardised columns."""

    coef_: np.ndarray  # (n_features + 1, n_experts), the last row the intercepts

    def log_proba(self, X: Table) -> np.ndarray:
        return log_softmax(logits(X, self.coef_))

    def predict_proba(self, X: Table) -> np.ndarray:
        return np.exp(self.log_proba(X))


class _LinearMixture(BaseEstimator):
    """What regression and classification share; X is a matrix of standardised columns.

    Attributes
    ----------
    penalty_ : float
        Chosen; ``inf`` is one linear model.
    losses_ : dict
        Mean held-out loss (squared error, log-loss) of each penalty that was tried.
    experts_, gate_ : the fitted experts and gate
    """

    def fit(self, X, y, sample_weight=None):
        if self.n_experts < 1:
            raise ValueError(f"n_experts must be at least 1, got n_experts={self.n_experts}.")
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        self._learn_range(X)
        self.penalty_, coef = self._choose(X, y, weight)
        linear = self._linear().fit(X, y, sample_weight=weight)
        if coef is not None:
            problem = self._problem(linear, X, y)
            coef = lbfgs(_weighted(problem, weight, self.penalty_), coef, MAX_ITER, tol=TOL)
        self._take(linear, coef)
        self._fit_scales(X, y, weight)
        self.n_parameters_ = (rank(X, weight) + 1) * (len(self.experts_) - 1)
        self.n_parameters_ += sum(expert.n_parameters_ for expert in self.experts_)
        return self

    def _choose(self, X, y, weight):
        """Return the penalty of least held-out loss and where to start with it; ``inf`` and None
        unless that is clearly better than the linear model."""
        rng = np.random.default_rng(self.random_state)
        most = min(MOST_ROWS, MOST_TERMS // (X.shape[1] * self._n_outputs(y)))
        if len(y) > most:
            rows = np.sort(rng.choice(len(y), most, replace=False))
            X, y, weight = X[rows], y[rows], weight[rows]
        folds = make_folds(y, task=self._task, cv=self.cv)
        if self.n_experts == 1 or not folds:
            return np.inf, None
        train, test = folds[-1]
        if len(train) < LEAST_ROWS * X.shape[1]:
            return np.inf, None
        if count_distinct(X[train], y[train], enough=self.n_experts) < self.n_experts:
            return np.inf, None
        path = clone(self)._path(X[train], y[train], weight[train], rng)
        self.losses_, held_out = {}, weight[test]
        for penalty, coef, mixture in path:
            losses = mixture._losses(X[test], y[test])
            loss = np.average(losses, weights=held_out)
            self.losses_[penalty] = loss
            if penalty == np.inf:
                linear, best = losses, (loss, penalty, coef, losses)
            elif loss < best[0]:
                best = (loss, penalty, coef, losses)
            else:
                break
        _, penalty, coef, losses = best
        return (penalty, coef) if _beyond_chance(linear - losses, held_out) else (np.inf, None)

    def _path(self, X, y, weight, rng):
        """Fit the linear model, then mixtures of ever weaker penalty; yield each."""
        linear, coef = self._linear().fit(X, y, sample_weight=weight), None
        self._learn_range(X)
        yield np.inf, None, self._take(linear, None)
        problem = self._problem(linear, X, y)
        few = self._n_outputs(y) <= 2
        n_starts = self.n_init if few else min(self.n_init, FEW_STARTS)
        for penalty in PATH if few else SHORT_PATH:
            problem = _weighted(problem, weight, penalty)
            starts = [problem.start(rng) for _ in range(n_starts)]
            starts += [] if coef is None else [coef]
            found = [lbfgs(problem, start, SHORT, tol=TOL) for start in starts]
            best = min(found, key=lambda coef: problem.value_and_gradient(coef)[0])
            coef = lbfgs(problem, best, MAX_ITER, tol=TOL)
            yield penalty, coef, self._take(linear, coef)

    def _take(self, linear, coef):
        """Take experts and gate from the coefficients of a mixture; None is the linear model."""
        if coef is None:
            self.experts_, gate = [linear], np.zeros((len(self.range_[0]) + 1, 1))
        else:
            coef, gate = np.split(coef, [-self.n_experts], axis=1)
            deviations = np.split(coef, self.n_experts, axis=1)
            self.experts_ = [self._expert(linear, deviation) for deviation in deviations]
        self.gate_ = SoftmaxWeights(gate)
        return self

    def _learn_range(self, X):
        low, high = X.min(axis=0), X.max(axis=0)
        self.range_ = low - MARGIN * (high - low), high + MARGIN * (high - low)

    def _within(self, X):
        """Return X within the range of the fit, a little widened: far out, differences between
        experts grow without a row that says so. One linear model reads X as it is."""
        return X if len(self.experts_) == 1 else np.clip(X, *self.range_)

    def _fit_scales(self, X, y, weight):
        """Classes have no noise scale."""


class LinearMixtureRegressor(RegressorMixin, _LinearMixture):
    """Linear mixture for regression; parameters as in LinearMixtureExpert.

    Experts and gate are fitted to the squared error of the pooled mean, where experts may cancel;
    so the noise scales of the experts are those around the pooled mean.
    """

    _task = "regression"

    def __init__(
        self, n_experts: int = 3, n_init: int = 6, cv: int = 3, random_state: int | None = None
    ):
        self.n_experts = n_experts
        self.n_init = n_init
        self.cv = cv
        self.random_state = random_state

    def _n_outputs(self, y):
        return 1

    def _linear(self):
        return GaussianLinear()

    def _problem(self, linear, X, y):
        unit = self._unit(linear)
        residuals = (y - linear.predict(X)) / unit
        precision = linear.precision_ * unit**2
        return SquaredErrorDeviations(X, residuals[:, None], self.n_experts, precision)

    def _unit(self, linear):
        """The noise scale of the linear model, or a millionth of y's where it is about 0."""
        return max(linear.scale_, 1e-6 / np.sqrt(linear.precision_))

    def _expert(self, linear, deviation):
        expert, deviation = copy(linear), self._unit(linear) * deviation[:, 0]
        expert.coef_ = linear.coef_ + deviation[:-1]
        expert.intercept_ = linear.intercept_ + deviation[-1]
        return expert

    def _fit_scales(self, X, y, weight):
        """Fit the noise scales by EM, from that of the pooled mean, which counts as so many rows
        of each expert as it has coefficients."""
        if len(self.experts_) == 1:
            return
        squares = self._losses(X, y)
        pooled = np.average(squares, weights=weight) or np.finfo(float).tiny
        log_gate, scales = self.gate_.log_proba(X), np.full(len(self.experts_), np.sqrt(pooled))
        for _ in range(SCALE_ROUNDS):
            for expert, scale in zip(self.experts_, scales, strict=True):
                expert.scale_ = scale
            log_lik = -0.5 * squares[:, None] / scales**2 - np.log(scales)
            part = weight[:, None] * e_step(log_gate, log_lik)[0]
            total, prior = part.sum(axis=0), len(self.gate_.coef_) * weight.mean()
            scales = squares @ part + prior * pooled
            scales = np.sqrt(scales / (total + prior))

    def _losses(self, X, y):
        return (y - self.predict(X)) ** 2

    def predict(self, X: Table) -> np.ndarray:
        X = self._within(X)
        means = np.column_stack([expert.predict(X) for expert in self.experts_])
        return np.einsum("ne,ne->n", self.gate_.predict_proba(X), means)

    def log_prob(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Log density of each y in nats, shape (n_samples,)."""
        return self.predict_distribution(X).log_pdf(y)

    def predict_distribution(self, X: Table) -> MixtureDistribution:
        """Return what it says of y: Gaussians of the experts' scales around the pooled mean."""
        means = np.repeat(self.predict(X)[:, None], len(self.experts_), axis=1)
        X = self._within(X)
        scales = np.array([expert.scale_ for expert in self.experts_])
        return MixtureDistribution(self.gate_.predict_proba(X), means, scales)


class LinearMixtureClassifier(ClassifierMixin, _LinearMixture):
    """Linear mixture for class codes; parameters as in LinearMixtureExpert."""

    _task = "classification"

    def __init__(
        self,
        n_experts: int = 3,
        n_init: int = 6,
        cv: int = 3,
        n_classes: int | None = None,
        random_state: int | None = None,
    ):
        self.n_experts = n_experts
        self.n_init = n_init
        self.cv = cv
        self.n_classes = n_classes
        self.random_state = random_state

    @property
    def classes_(self) -> np.ndarray:
        return self.experts_[0].classes_

    def _n_outputs(self, y):
        return self.n_classes or int(y.max()) + 1

    def _choose(self, X, y, weight):
        too_many = self._n_outputs(y) > MOST_CLASSES
        return (np.inf, None) if too_many else super()._choose(X, y, weight)

    def _linear(self):
        return SoftmaxLinear(n_classes=self.n_classes)

    def _problem(self, linear, X, y):
        coef = linear.coef_[:, 1:] - linear.coef_[:, :1]
        targets = np.eye(len(linear.classes_))[y][:, 1:]
        return LogLossDeviations(X, logits(X, coef), targets, self.n_experts)

    def _expert(self, linear, deviation):
        expert = copy(linear)
        coef = linear.coef_ + np.column_stack([np.zeros(len(deviation)), deviation])
        expert.coef_ = coef - coef.mean(axis=1, keepdims=True)
        return expert

    def _losses(self, X, y):
        return -self.log_prob(X, y)

    def log_prob(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Log-probability of each class code in nats, shape (n_samples,)."""
        X = self._within(X)
        log_lik = np.column_stack([expert.log_prob(X, y) for expert in self.experts_])
        return logsumexp(self.gate_.log_proba(X) + log_lik, axis=1)

    def predict(self, X: Table) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Table) -> np.ndarray:
        X = self._within(X)
        probabilities = np.stack([expert.predict_proba(X) for expert in self.experts_], axis=1)
        pooled = np.einsum("nk,nkc->nc", self.gate_.predict_proba(X), probabilities)
        return np.minimum(pooled, 1.0)  # a sum may exceed it by rounding


def _weighted(problem, weight, penalty):
    return problem.weighted(weight / weight.sum(), penalty / weight.sum())


def _beyond_chance(gain, weight):
    """Say whether the mean gain is positive at the level of 5 %."""
    mean = np.average(gain, weights=weight)
    spread = np.average((gain - mean) ** 2, weights=weight)
    return mean > ONE_SIDED * np.sqrt(spread * (weight**2).sum()) / weight.sum()
