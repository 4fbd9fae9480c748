"""One run of boosting: the table, read once, and the steps on it."""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing

from moe_lab.gate.constant import ConstantGate
from moe_lab.likelihood.outcome import standard_deviation
from moe_lab.progress import progress
from moe_lab.table import CategoryTable
from moe_lab.table.folds import folds_or_in_sample, make_folds
from moe_lab.train.base import Trained
from moe_lab.train.boosting.lockstep import (
    LOG_ROOT_2PI,
    CategoricalExperts,
    GaussianExperts,
    Lockstep,
)
from moe_lab.train.boosting.parts import BoostedClassifier, BoostedRegressor, BoostedTrees
from moe_lab.train.boosting.start import divide_by_residuals, fit_ladder, fit_shares, soften
from moe_lab.train.boosting.trunk import FIXED, grow_trunk, trunk_answer

CLASS_ROUNDS = 20  # in classification
SMALL_TREES = 0.25  # the trunk is tried with the leaves asked for and with this share of them
FAR = 1e4  # middle halves away from the median: such a target rules every squared error


class BoostingRun:
    """Grows trunk, experts and gate on one table.

    Parameters
    ----------
    trainer : Boosting
    gate : BoostedGate
        Its parameters shape the trees of experts and gate.
    settings : dict
        Of the trunk's trees.
    max_rounds : int
        Of the trunk.
    """

    def __init__(
        self, X, y, *, trainer, gate, settings, max_rounds, n_classes, weight, groups, verbose
    ):
        import lightgbm

        self.X, self.y, self.trainer, self.gate = X, y, trainer, gate
        self.n_classes, self.groups, self.verbose = n_classes, groups, verbose
        self.mean_weight = weight.mean()
        self.weight = weight / self.mean_weight  # LightGBM's thresholds are in units of a row
        self.centre, self.unit = 0.0, 1.0
        if n_classes is None:
            self._standardise()
        self.table = CategoryTable().fit(X)
        self.features = self.table.transform(X)
        self.settings, self.max_rounds = settings | {"feature_pre_filter": False}, max_rounds
        self.rows = lightgbm.Dataset(
            self.features, self.y, weight=self.weight, params=self.settings
        ).construct()

    @property
    def task(self):
        return "regression" if self.n_classes is None else "classification"

    def _standardise(self):
        y, weight = self.y, self.weight
        _warn_of_outliers(y)
        size, spread = float(np.abs(y).max()), standard_deviation(y, weight)
        self.centre = float(np.average(y, weights=weight))
        self.unit = spread if spread > 1e-12 * size else size or 1.0
        self.y = (y - self.centre) / self.unit

    def regression(self, n_experts, start):
        """Grow experts of a number, and a gate over their noise scales."""
        folds = folds_or_in_sample(self.y, task=self.task, cv=self.trainer.cv, groups=self.groups)
        trunk = self._trunk(self.rows, self.features, folds)
        least = max(self.trainer.min_scale, 1e-12)
        residuals = self.y - trunk.out_of_fold[:, 0]
        overall = max(np.sqrt(np.average(residuals**2, weights=self.weight)), least)
        one = -0.5 * (residuals / overall) ** 2 - np.log(overall) - LOG_ROOT_2PI
        if n_experts == 1:
            return self._alone(trunk, one, overall)
        log_base, scales = fit_ladder(residuals, self.weight, n_experts, least)
        if start is not None:
            start = soften(start)
            log_base, scales = fit_shares(residuals, self.weight, start, overall, least)

        def experts(rate):
            known = self.y, trunk.out_of_fold, self.weight
            return GaussianExperts(*known, scales=scales, least=least, rate=rate)

        gains = self._held_out(experts(0.0), log_base, start, folds) - self.weight @ one
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            _warn_alone(n_experts)
            return self._alone(trunk, one, overall)
        moving = experts(self.trainer.expert_rate)
        return self._grown(trunk, moving, log_base, start, gains[: best + 1])

    def _apart(self, fold, trunk):
        """Return the rows without a fold, a trunk grown on them alone, and both index arrays; None
        where no two folds are left."""
        train, test = (np.sort(part) for part in fold)
        groups = None if self.groups is None else self.groups[train]
        inner = make_folds(self.y[train], task=self.task, cv=self.trainer.cv, groups=groups)
        if not inner:
            return None
        rows = self.rows.subset(train).construct()
        known = _safe_indexing(self.features, train)
        return rows, self._trunk(rows, known, inner, trunk.settings), train, test

    def _answer(self, trunk, part):
        return trunk_answer(trunk.booster, _safe_indexing(self.features, part), self.n_classes)

    def _held_out(self, experts, log_base, start, folds):
        """Grow the gate alone on each fold together; return the log-likelihood of all held-out
        rows before the first round and after each."""
        every, total = [], 0.0
        for train, test in ((np.sort(train), np.sort(test)) for train, test in folds):
            part = None if start is None else start[train]
            rows = self.rows.subset(train).construct()
            lockstep = self._lockstep(rows, experts.of(train), log_base, part)
            lockstep.watch(self.rows.subset(test), experts.of(test))
            every.append(lockstep)
            total += lockstep.watched_log_likelihood()
        path = [total]
        for _ in progress(range(self.gate.n_estimators), "gate", self.verbose):
            for lockstep in every:
                lockstep.grow()
            path.append(sum(lockstep.watched_log_likelihood() for lockstep in every))
            if len(path) - 1 - np.argmax(path) >= self.trainer.patience:
                break
        return np.array(path)

    def classification(self, n_experts, start):
        """Grow experts of a class, and a gate; the trunk alone where held-out rows gain nothing."""
        folds = folds_or_in_sample(self.y, task=self.task, cv=self.trainer.cv, groups=self.groups)
        everything = np.arange(len(self.y))
        trunk = self._trunk(self.rows, self.features, folds)
        alone = trunk.out_of_fold[everything, self.y]
        if n_experts == 1:
            return self._alone(trunk, alone)
        given, start = start, self._start(everything, trunk, n_experts, start)
        gains = None if start is None else self._gain(n_experts, given, folds[-1], trunk)
        if gains is None or gains[-1] <= 0:
            _warn_alone(n_experts)
            return self._alone(trunk, alone)
        experts = self._experts(everything, trunk, n_experts)
        return self._grown(trunk, experts, np.full(n_experts, -np.log(n_experts)), start, gains)

    def _experts(self, part, trunk, n_experts):
        return CategoricalExperts(
            self.y[part],
            trunk.out_of_fold,
            self.weight[part],
            n_experts,
            self.trainer.expert_rate,
        )

    def _start(self, part, trunk, n_experts, start):
        if start is not None:
            return soften(start[part])
        residuals = np.eye(self.n_classes)[self.y[part]] - np.exp(trunk.out_of_fold)
        residuals = residuals[:, 1] if self.n_classes == 2 else residuals
        found = divide_by_residuals(
            _safe_indexing(self.X, part),
            residuals,
            n_experts,
            self.weight[part],
            self.settings["seed"],
        )
        return None if found is None else soften(found)

    def _gain(self, n_experts, given, fold, trunk):
        """Do all of it without the last fold; return what the mixture gains there over the trunk
        before the first round and after each, or None where that cannot be done."""
        apart = self._apart(fold, trunk)
        if apart is None:
            return None
        rows, without, train, test = apart
        start = self._start(train, without, n_experts, given)
        if start is None:
            return None
        base = np.full(n_experts, -np.log(n_experts))
        lockstep = self._lockstep(rows, self._experts(train, without, n_experts), base, start)
        without.out_of_fold = self._answer(without, test)
        lockstep.watch(self.rows.subset(test), self._experts(test, without, n_experts))
        path = [lockstep.watched_log_likelihood()]
        for _ in progress(range(CLASS_ROUNDS), "check", self.verbose):
            lockstep.grow()
            path.append(lockstep.watched_log_likelihood())
        return np.array(path) - path[0]

    def _trunk(self, rows, features, folds, settings=None):
        small = max(2, int(self.settings["num_leaves"] * SMALL_TREES))
        both = [self.settings, self.settings | {"num_leaves": small}]
        return grow_trunk(
            rows,
            features,
            folds,
            both if settings is None else [settings],
            n_classes=self.n_classes,
            patience=self.trainer.patience,
            steps=lambda: progress(range(self.max_rounds), "trunk", self.verbose),
        )

    def _lockstep(self, rows, experts, log_base, start):
        settings = FIXED | {
            "learning_rate": self.gate.learning_rate,
            "num_leaves": self.gate.num_leaves,
            "min_child_samples": self.gate.min_child_samples,
            "lambda_l2": 1.0,
            "seed": self.settings["seed"],
            "feature_pre_filter": False,
        }
        return Lockstep(rows, experts, settings, log_base, start)

    def _grown(self, trunk, experts, log_base, start, gains):
        """Grow experts and gate on all rows, as many rounds as there are gains after the first."""
        lockstep = self._lockstep(self.rows, experts, log_base, start)
        for _ in progress(range(len(gains) - 1), "grow", self.verbose):
            lockstep.grow()
        lockstep.score_grown()
        trees = self._trees(trunk, lockstep.booster if lockstep.n_rounds else None, experts)
        gate = clone(self.gate)
        gate.table_, gate.base_, gate.booster_ = self.table, log_base, trees
        history = self._history(lockstep.log_likelihoods, gains)
        n_experts = len(log_base)
        return self._trained(trees, gate, n_experts, history, lockstep.experts.scales)

    def _alone(self, trunk, log_lik, scale=None):
        trees = self._trees(trunk, None, None)
        gate = ConstantGate().fit(self.X, np.ones((len(self.y), 1)))
        history = self._history([self.weight @ log_lik], np.zeros(1))
        return self._trained(trees, gate, 1, history, None if scale is None else np.array([scale]))

    def _trees(self, trunk, booster, experts):
        n_experts, n_columns = (1, 0) if experts is None else (experts.n_experts, experts.n_columns)
        return BoostedTrees(
            self.table, trunk.booster, booster, n_experts, n_columns, self.n_classes
        )

    def _trained(self, trees, gate, n_experts, history, scales):
        if self.n_classes is not None:
            experts = [BoostedClassifier(trees, k) for k in range(n_experts)]
            return Trained(experts, gate, history)
        experts = [
            BoostedRegressor(trees, k, centre=self.centre, unit=self.unit) for k in range(n_experts)
        ]
        return Trained(experts, gate, history, self.unit * scales)

    def _history(self, log_likelihoods, gains):
        """In nats of the rows as weighted by the caller, per unit of his y."""
        log_unit = len(self.y) * np.log(self.unit)
        return pd.DataFrame(
            {
                "log_likelihood": self.mean_weight * (np.array(log_likelihoods) - log_unit),
                "held_out_gain": self.mean_weight * np.asarray(gains),
            }
        )


def _warn_of_outliers(y):
    low, middle, high = np.quantile(y, [0.25, 0.5, 0.75])
    far = int(np.sum(np.abs(y - middle) > FAR * (high - low))) if high > low else 0
    if far:
        warnings.warn(
            f"y holds {far} values more than {FAR:g} times its middle half away from the median; "
            "they rule the squared error that the trunk is fitted to. Check them, or fit log(y).",
            stacklevel=5,
        )


def _warn_alone(n_experts):
    warnings.warn(
        f"No mixture of {n_experts} experts was better than their common trunk on held-out rows: "
        "one expert is left.",
        ConvergenceWarning,
        stacklevel=5,
    )
