"""Stacking with a variance of its own for each row: the honest control of a predictive density."""

from typing import Any, Self

import numpy as np

from moe_lab.experts.base import Expert
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.likelihood.outcome import noise_floor
from moe_lab.methods.base import methods
from moe_lab.methods.log_odds_stacking import LogOddsStackingRegressor
from moe_lab.table import CodedTable, learn_table
from moe_lab.table.forms import Table
from moe_lab.table.inputs import read_table

TREES = {
    "objective": "none",
    "learning_rate": 0.1,
    "num_leaves": 8,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
    "feature_pre_filter": False,
}
MAX_ROUNDS, PATIENCE = 200, 15


class StackingVarianceRegressor(LogOddsStackingRegressor):
    """Ridge on out-of-fold predictions, and LightGBM on the log of their squared residuals.

    The trees of the variance minimise the Gaussian negative log-likelihood of the stack's
    out-of-fold residuals; how many, is chosen on held-out rows, on which one factor then calibrates
    all variances.

    Parameters
    ----------
    experts, cv, device, n_jobs, random_state
        As in `LogOddsStackingRegressor`.
    min_scale : float, default=0.03
        Least noise scale, in standard deviations of y.

    Attributes
    ----------
    experts_, stacker_
        As in `LogOddsStackingRegressor`.
    variance_ : LogVarianceTrees
        The model of the variance.

    Examples
    --------
    >>> X = np.arange(30.0).reshape(-1, 1) * 7 % 30
    >>> stacking = StackingVarianceRegressor(["linear"]).fit(X, X[:, 0])
    >>> stacking.predict_distribution([[10.0]]).mean.round()
    array([10.])
    """

    def __init__(
        self,
        experts: Any = "auto",
        cv: Any = 3,
        min_scale: float = 0.03,
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        super().__init__(experts, cv, device=device, n_jobs=n_jobs, random_state=random_state)
        self.min_scale = min_scale

    def _learn_noise(self, X, y, predictions, weight, folds):
        residuals = y - self.stacker_.predict(self._features(predictions))
        least = noise_floor(y, weight, self.min_scale)
        self.variance_ = LogVarianceTrees(least).fit(X, residuals, weight / weight.mean(), folds)

    def predict_distribution(self, X: Table) -> MixtureDistribution:
        """Return what the stack says of y: a Gaussian for every row.

        Returns
        -------
        distribution : MixtureDistribution
        """
        X = read_table(self, X)
        mean, scales = self.predict(X)[:, None], self.variance_.predict(X)[:, None]
        return MixtureDistribution(np.ones(mean.shape), mean, scales)

    def score_samples(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Return the log density of every y in nats, shape (n_samples,)."""
        return self.predict_distribution(X).log_pdf(np.asarray(y, dtype=float))


class LogVarianceTrees:
    """LightGBM on the log of the noise variance, by the likelihood of Gaussian residuals.

    Parameters
    ----------
    min_scale : float
        Least noise scale, in the unit of the residuals.

    Attributes
    ----------
    n_rounds_ : int
    factor_ : float
        Of all variances: what the held-out residuals say they were too small by.
    """

    def __init__(self, min_scale: float):
        self.min_scale = min_scale

    def fit(self, X: Table, residuals: np.ndarray, weight: np.ndarray, folds: list[tuple]) -> Self:
        """Fit to out-of-fold residuals; ``folds`` choose the rounds and the factor."""
        import lightgbm

        self.table_, coded = learn_table(CodedTable(), X)
        features = coded.matrix
        squares = residuals**2
        self.base_ = float(np.log(max(np.average(squares, weights=weight), self.min_scale**2)))
        categories = {"categorical_feature": list(coded.levels)}
        rows = lightgbm.Dataset(features, squares, weight=weight, params=TREES, **categories)
        rows = rows.construct()
        self.n_rounds_ = self._choose_rounds(rows, squares, weight, folds)
        held_out = np.empty(len(squares))
        for train, test in folds:
            train = np.sort(train)
            booster = self._grow(rows.subset(train).construct(), squares[train], weight[train])
            held_out[test] = self._scales(booster, features[test]) ** 2
        self.factor_ = float(np.average(squares / held_out, weights=weight))
        self.booster_ = self._grow(rows, squares, weight)
        return self

    def _choose_rounds(self, rows, squares, weight, folds):
        boosters = []
        for train, test in ((np.sort(train), np.sort(test)) for train, test in folds):
            booster = _Growing(rows.subset(train).construct(), squares[train], weight[train])
            booster.watch(rows.subset(test), squares[test], weight[test])
            boosters.append((booster, self.base_))
        losses = [sum(booster.loss(base) for booster, base in boosters)]
        while len(losses) <= MAX_ROUNDS and len(losses) - 1 - np.argmin(losses) < PATIENCE:
            for booster, base in boosters:
                booster.grow(base)
            losses.append(sum(booster.loss(base) for booster, base in boosters))
        return int(np.argmin(losses))

    def _grow(self, rows, squares, weight):
        growing = _Growing(rows, squares, weight)
        for _ in range(self.n_rounds_):
            growing.grow(self.base_)
        return growing.booster

    def _scales(self, booster, features):
        log_variance = np.full(len(features), self.base_)
        if self.n_rounds_:
            log_variance += booster.predict(features, raw_score=True, num_threads=1)
        return np.maximum(np.exp(0.5 * log_variance), self.min_scale)

    def predict(self, X: Table) -> np.ndarray:
        """Return the noise scale of every row, shape (n_samples,)."""
        scales = self._scales(self.booster_, self.table_.matrix(X)) * np.sqrt(self.factor_)
        return np.maximum(scales, self.min_scale)


class _Growing:
    """A booster of log variances, and the rows on which it is watched."""

    def __init__(self, rows, squares, weight):
        import lightgbm

        self.booster, self.squares, self.weight = lightgbm.Booster(TREES, rows), squares, weight

    def grow(self, base):
        def gradient(log_variance, _):
            ratio = self.squares * np.exp(-np.clip(base + log_variance, -700, 700))
            return self.weight * 0.5 * (1 - ratio), self.weight * 0.5  # the expected curvature

        self.booster.update(fobj=gradient)

    def watch(self, rows, squares, weight):
        self.booster.add_valid(rows, "watched")
        self.watched = squares, weight

    def loss(self, base):
        """Return the negative log-likelihood of the watched rows, up to a constant."""
        squares, weight = self.watched
        found = []

        def score(log_variance, _):
            v = base + log_variance
            found.append(float(weight @ (0.5 * (v + squares * np.exp(-np.clip(v, -700, 700))))))
            return "loss", found[0], False

        self.booster.eval_valid(feval=score)
        return found[0]


@methods.register("stacking_variance")
class StackingVariance(Expert):
    """Ridge stacking with LightGBM on its noise variance: the rival of a density; regression only.

    Parameters
    ----------
    experts : "auto" or list, default="auto"
        The same pool as the mixture's.
    cv : int, splitter or list of splits, default=3
        Folds; of a number, in the order of the rows.
    """

    tasks = ("regression",)

    def __init__(self, experts: Any = "auto", cv: Any = 3):
        self.experts = experts
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
        if task != "regression":
            raise TypeError(
                "stacking_variance models the noise of a number: the task must be regression, got "
                f"{task}. Use 'log_odds_stacking' for classes."
            )
        return StackingVarianceRegressor(
            self.experts, self.cv, device=device, n_jobs=n_jobs, random_state=random_state
        )
