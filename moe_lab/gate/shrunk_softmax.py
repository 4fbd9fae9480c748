"""Shrunk softmax gate: as much routing as held-out rows confirm, else constant weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from moe_lab.gate.base import FeatureGate, Gate, check_loss, gates, likelihoods
from moe_lab.likelihood.arrays import log_softmax, logits
from moe_lab.likelihood.linear_problem import rank
from moe_lab.likelihood.mixing import fit_mixing, fit_pooled_mean
from moe_lab.likelihood.softmax import fit_softmax
from moe_lab.table import NumericTable, share_table
from moe_lab.table.folds import make_folds

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

PATH = (0.0, 0.001, 0.01, 0.1, 1.0, 10.0)  # inverse penalties; 0: constant weights
MOST_ROWS = 5000  # on which the strength is chosen
NEWTON_STEPS = 5  # from one strength to the next; fit_softmax makes one from a given start


@gates.register("shrunk_softmax")
class ShrunkSoftmaxGate(FeatureGate):
    """Linear-softmax gate that leaves constant weights only where held-out rows confirm it.

    The inverse penalty is chosen from 0 (constant weights), .001, .01, .1, 1, 10: the smallest
    whose held-out loss is at most one standard error above the least, paired over the rows. At
    most 5,000 rows, evenly spread, are read for the choice, in contiguous folds.

    Parameters
    ----------
    cv : int, default=5
        Folds.
    columns : list of str or int, optional
        The columns that the gate reads, by name or, for an array, number. Default all.

    Attributes
    ----------
    C_ : float
        The inverse L2 strength that was chosen; 0: constant weights.
    losses_ : DataFrame, one row per C
        ``loss``, the mean over held-out rows (cross-entropy in nats; pooled: squared error or
        log-loss), ``above``, how far it is from the least, and ``se``, the standard error of that.
    coef_ : ndarray of shape (n_features + 1, n_experts)
        The last row: the intercepts.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984) for the rule of one standard error; here paired.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> gate = ShrunkSoftmaxGate().fit(X, np.eye(2)[rng.integers(2, size=300)])
    >>> gate.C_
    0.0
    >>> gate.fit(X, np.eye(2)[(X[:, 0] > 0).astype(int)]).C_ > 0
    True
    """

    takes_reading = True

    def __init__(self, cv: int = 5, columns: list[str | int] | None = None):
        self.cv = cv
        self.columns = columns

    def learn_features(
        self, X: Table | Reading, sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
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
        return self._fit(_CrossEntropy(responsibilities), features, sample_weight)

    def fit_pooled(
        self,
        X: Table | Reading,
        predictions: np.ndarray,
        y: np.ndarray,
        loss: str,
        sample_weight: np.ndarray | None = None,
    ) -> Self:
        """Fit the gate to the loss of the pooled prediction of fixed experts.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
            Out-of-fold predictions: means, or class probabilities.
        y : ndarray of shape (n_samples,)
            Floats, or class codes.
        loss : {"log_loss", "squared_error"}
        sample_weight : ndarray of shape (n_samples,), optional

        Returns
        -------
        self : ShrunkSoftmaxGate
        """
        check_loss(loss)
        if loss == "squared_error":
            objective: Any = _SquaredError(predictions[:, :, 0], y)
        else:
            objective = _LogLoss(likelihoods(predictions, y))
        return self._fit(objective, self.learn_features(X, sample_weight), sample_weight)

    def _fit(self, objective, features, sample_weight):
        weight = np.ones(len(features)) if sample_weight is None else np.asarray(sample_weight)
        self.rank_ = rank(features, weight)
        self.C_ = self._choose(objective, features, weight)
        path, rows = PATH[: PATH.index(self.C_) + 1], np.arange(len(features))
        self.coef_ = _fit_along(path, objective, features, weight, rows)[-1]
        return self

    def _choose(self, objective, features, weight):
        """Return the smallest C whose held-out loss cannot be told from the least."""
        kept = np.flatnonzero(weight > 0)
        if len(kept) > MOST_ROWS:
            kept = kept[np.linspace(0, len(kept) - 1, MOST_ROWS).astype(int)]
        losses = np.zeros((len(kept), len(PATH)))
        for train, test in make_folds(kept, task="regression", cv=self.cv):  # in order of the rows
            path = _fit_along(PATH, objective, features, weight, kept[train])
            losses[test] = np.column_stack(
                [objective.losses(logits(features[kept[test]], coef), kept[test]) for coef in path]
            )
        self.losses_ = _compared(losses, weight[kept])
        within = self.losses_["above"] <= self.losses_["se"] + 1e-12
        return float(within.idxmax())

    def log_proba_features(self, features: np.ndarray) -> np.ndarray:
        return log_softmax(logits(features, self.coef_))

    @property
    def n_parameters_(self) -> int:
        return (self.rank_ + 1 if self.C_ else 1) * (self.coef_.shape[1] - 1)


def _fit_along(path, objective, features, weight, rows):
    """Return the coefficients for each C, each fit started from the one before."""
    found, coef = [], None
    for C in path:
        if C == 0:
            constant = objective.fit(features[rows, :0], rows, weight[rows], np.inf, None)
            coef = np.zeros((features.shape[1] + 1, constant.shape[1]))
            coef[-1] = constant[-1]
        else:
            coef = objective.fit(features[rows], rows, weight[rows], C, coef)
        found.append(coef)
    return found


def _compared(losses, weight):
    """Return the mean loss of each C, how far above the least, and that difference's error."""
    share = weight / weight.sum()
    mean = share @ losses
    above = losses - losses[:, [mean.argmin()]]
    far = share @ above
    degrees = 1 / max(1 - share @ share, 1e-12)
    se = np.sqrt(degrees * np.sum((share[:, None] * (above - far)) ** 2, axis=0))
    return pd.DataFrame({"loss": mean, "above": far, "se": se}, index=pd.Index(PATH, name="C"))


class _CrossEntropy:
    """Of the responsibilities."""

    def __init__(self, responsibilities):
        self.responsibilities = responsibilities

    def fit(self, Z, rows, weight, C, coef):
        targets = self.responsibilities[rows]
        if coef is None:
            return fit_softmax(Z, targets, weight, C=C)
        for _ in range(NEWTON_STEPS):
            coef = fit_softmax(Z, targets, weight, C=C, coef=coef)
        return coef

    def losses(self, logits, rows):
        return -np.sum(self.responsibilities[rows] * log_softmax(logits), axis=1)


class _SquaredError:
    """Of the pooled mean."""

    def __init__(self, means, y):
        self.means, self.y = means, y

    def fit(self, Z, rows, weight, C, coef):
        return fit_pooled_mean(Z, self.means[rows], self.y[rows], weight, C=C, coef=coef)

    def losses(self, logits, rows):
        weights = np.exp(log_softmax(logits))
        return (self.y[rows] - np.sum(weights * self.means[rows], axis=1)) ** 2


class _LogLoss:
    """Of the pooled probability."""

    def __init__(self, likelihood):
        self.likelihood = likelihood

    def fit(self, Z, rows, weight, C, coef):
        return fit_mixing(Z, np.log(self.likelihood[rows]), weight, C=C, coef=coef)

    def losses(self, logits, rows):
        weights = np.exp(log_softmax(logits))
        return -np.log(np.sum(weights * self.likelihood[rows], axis=1))
