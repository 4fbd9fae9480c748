"""Linear mixture: linear experts behind a softmax gate, shrunk towards one linear model."""

import warnings
from functools import partial

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.distribution import MixtureDistribution
from moe_lab.divide.base import as_divider
from moe_lab.experts.base import Expert, experts
from moe_lab.experts.linear import GaussianLinear, SoftmaxLinear
from moe_lab.folds import make_folds
from moe_lab.gate.constant import ConstantGate
from moe_lab.gate.softmax import SoftmaxGate
from moe_lab.inputs import count_distinct
from moe_lab.table import NumericTable, Prepared
from moe_lab.train.em import EM
from moe_lab.train.responsibilities import e_step

PATH = (100.0, 10.0, 1.0, 0.1)  # penalties, from almost one linear model to almost free ones


@experts.register("linear_mixture")
class LinearMixtureExpert(Expert):
    """A mixture of linear experts as one expert: cheap, and strong where there are regimes.

    The experts' coefficients are penalised by their distance from those of one linear model of the
    whole table, the gate's by their size. The penalty is chosen on held-out rows from a path that
    begins at the linear model itself, which is kept unless a mixture is better by more than a
    standard error: few rows do no harm.

    Parameters
    ----------
    n_experts : int, default=3
    n_init : int, default=1
        Starts for each penalty, besides the parts found for the stronger one before it.
    cv : int, default=3
        Folds that choose the penalty; contiguous.
    """

    def __init__(self, n_experts=3, n_init=1, cv=3):
        self.n_experts = n_experts
        self.n_init = n_init
        self.cv = cv

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        kind = LinearMixtureRegressor
        if task == "classification":
            kind = partial(LinearMixtureClassifier, n_classes=n_classes)
        model = kind(self.n_experts, n_init=self.n_init, cv=self.cv, random_state=random_state)
        return Prepared(NumericTable(scale=True), model)


class _LinearMixture(BaseEstimator):
    """What regression and classification share; X is a matrix of standardised columns.

    Attributes
    ----------
    penalty_ : float
        Chosen; ``inf`` is one linear model.
    losses_ : dict
        Mean held-out loss (squared error, log-loss) of each penalty.
    experts_, gate_ : the fitted experts and gate
    """

    def fit(self, X, y, sample_weight=None):
        if self.n_experts < 1:
            raise ValueError(f"n_experts must be at least 1, got n_experts={self.n_experts}.")
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        self.penalty_ = self._choose(X, y, weight)
        for _ in self._path(X, y, weight, [p for p in PATH if p >= self.penalty_]):
            pass
        self.n_parameters_ = self.gate_.n_parameters_ + sum(e.n_parameters_ for e in self.experts_)
        return self

    def _choose(self, X, y, weight):
        """Return the penalty of least held-out loss; ``inf`` unless that is clearly better."""
        folds = make_folds(y, task=self._task, cv=self.cv)
        enough = self.n_experts
        rows = [count_distinct(X[train], y[train], enough=enough) for train, _ in folds]
        if self.n_experts == 1 or min(rows, default=0) < self.n_experts:
            return np.inf
        penalties = [np.inf, *PATH]
        losses = np.empty((len(y), len(penalties)))
        for train, test in folds:
            fitted = clone(self)
            for step, _ in enumerate(fitted._path(X[train], y[train], weight[train], PATH)):
                losses[test, step] = fitted._losses(X[test], y[test])
        mean = np.average(losses, axis=0, weights=weight)
        self.losses_ = dict(zip(penalties, mean.tolist(), strict=True))
        best = mean.argmin()
        gain = losses[:, 0] - losses[:, best]
        spread = np.average((gain - np.average(gain, weights=weight)) ** 2, weights=weight)
        error = np.sqrt(spread * (weight**2).sum()) / weight.sum()
        return penalties[best] if mean[0] - mean[best] > error else np.inf

    def _path(self, X, y, weight, penalties):
        """Fit the linear model, then mixtures of ever weaker penalty; yield after each."""
        linear = self._expert(1.0).fit(X, y, sample_weight=weight)
        self.experts_, self.gate_ = [linear], ConstantGate().fit(X, np.ones((len(y), 1)))
        yield np.inf
        centre = linear.coef_[: X.shape[1]]
        for penalty in penalties:
            trained = self._train(X, y, weight, self._expert(penalty, centre), penalty)
            self.experts_, self.gate_ = trained.experts, trained.gate
            yield penalty

    def _train(self, X, y, weight, expert, penalty):
        """Fit a mixture; one of its starts are the parts that the last one found."""
        found = []
        if len(self.experts_) == self.n_experts:
            found = [e_step(self.gate_.log_proba(X), self._log_lik(X, y))[0]]
        n_init = self.n_init + len(found)
        random = as_divider("random")

        def divide(seed):
            return (
                found.pop()
                if found
                else random.divide(
                    X, y, n_experts=self.n_experts, sample_weight=weight, random_state=seed
                )
            )

        with warnings.catch_warnings():  # an expert too many dies under a strong penalty
            warnings.simplefilter("ignore", ConvergenceWarning)
            return EM(n_init=n_init, max_iter=100, tol=1e-4).train(
                X,
                y,
                experts=[expert] * self.n_experts,
                gate=SoftmaxGate(1 / penalty),
                divide=divide,
                task=self._task,
                n_classes=getattr(self, "n_classes", None),
                sample_weight=weight,
                groups=None,
                seeds=[self.random_state or 0] * self.n_experts,
                n_jobs=1,
                verbose=0,
            )

    def _log_lik(self, X, y):
        return np.column_stack([expert.log_prob(X, y) for expert in self.experts_])

    def log_prob(self, X, y):
        """Log-probability of each y in nats, shape (n_samples,)."""
        return logsumexp(self.gate_.log_proba(X) + self._log_lik(X, y), axis=1)


class LinearMixtureRegressor(RegressorMixin, _LinearMixture):
    """Linear mixture for regression; parameters as in LinearMixtureExpert."""

    _task = "regression"

    def __init__(self, n_experts=3, n_init=1, cv=3, random_state=None):
        self.n_experts = n_experts
        self.n_init = n_init
        self.cv = cv
        self.random_state = random_state

    def _expert(self, alpha, centre=None):
        return GaussianLinear(alpha, prior_coef=centre)

    def _losses(self, X, y):
        return (y - self.predict(X)) ** 2

    def predict(self, X):
        return self.predict_distribution(X).mean

    def predict_distribution(self, X):
        """Return what it says of y: a Gaussian mixture for every row."""
        means = np.column_stack([expert.predict(X) for expert in self.experts_])
        scales = np.array([expert.scale_ for expert in self.experts_])
        return MixtureDistribution(self.gate_.predict_proba(X), means, scales)


class LinearMixtureClassifier(ClassifierMixin, _LinearMixture):
    """Linear mixture for class codes; parameters as in LinearMixtureExpert."""

    _task = "classification"

    def __init__(self, n_experts=3, n_init=1, cv=3, n_classes=None, random_state=None):
        self.n_experts = n_experts
        self.n_init = n_init
        self.cv = cv
        self.n_classes = n_classes
        self.random_state = random_state

    @property
    def classes_(self):
        return self.experts_[0].classes_

    def _expert(self, alpha, centre=None):
        return SoftmaxLinear(alpha, self.n_classes, prior_coef=centre)

    def _losses(self, X, y):
        return -self.log_prob(X, y)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        probabilities = np.stack([expert.predict_proba(X) for expert in self.experts_], axis=1)
        return np.einsum("nk,nkc->nc", self.gate_.predict_proba(X), probabilities)
