"""Experts that try for a place in the mixture: cross-fitted, thinned out, refitted, stacked."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.experts.base import is_stacker
from moe_lab.experts.cross_fitting import cross_fit, refit, timed
from moe_lab.experts.fitting import predict_expert
from moe_lab.experts.powers import CrossFits, Parametric
from moe_lab.likelihood.stacks import LinearStack, LogLinearStack
from moe_lab.registry.powers import has_power
from moe_lab.table import rows_of
from moe_lab.train.out_of_fold.forecast import Forecast, warn_of_minutes

if TYPE_CHECKING:
    from moe_lab.table.data import TrainingData
    from moe_lab.train.out_of_fold.report import Report

LEAST_WEIGHT = 0.01  # with a smaller share of the stack's weight an expert does not pay


class Candidates:
    """Experts, and what they say of held-out rows.

    Parameters
    ----------
    data : TrainingData
    experts : list of unfitted estimators
        Plain ones and stackers, which depend on the plain ones.
    weights : ndarray of shape (n_samples, n_experts)
        Each expert's own sample weights.
    folds : list of (train, test) pairs of index arrays
    names : list of str
        Of the experts, for reports and warnings.
    report : Report

    Attributes
    ----------
    plain, stackers : list of int
        The numbers of the experts still among them.
    predictions : ndarray of shape (n_samples, n_plain, n_outputs)
        Out of fold.
    dropped : dict of str -> str
        Who was left out, and why.
    """

    def __init__(
        self,
        data: TrainingData,
        experts: list,
        *,
        weights: np.ndarray,
        folds: list[tuple],
        seeds: list[int],
        n_jobs: int | None,
        verbose: int,
        names: list[str],
        report: Report,
    ):
        self.data, self.experts, self.weights, self.folds = data, experts, weights, folds
        self.seeds, self.n_jobs, self.verbose = seeds, n_jobs, verbose
        self.names, self.report = names, report
        self.stackers = [k for k, expert in enumerate(experts) if is_stacker(expert)]
        self.plain = [k for k in range(len(experts)) if k not in self.stackers]
        self.dropped: dict[str, str] = {}
        self._to_refit: dict = {}

    def cross_fit(self, time_limit: float | None = None, forgiving: bool = False) -> None:
        """Predict every row by plain experts that did not see it.

        Parameters
        ----------
        time_limit : float, optional
            Seconds; who would take too long is left out, with a warning.
        forgiving : bool
            Whether an expert that fails is left out, with a warning, or its error raised.
        """
        if time_limit is None:
            warn_of_minutes(self)
            try:
                self.predictions = self._cross_fitted(self.plain, self.folds)
                return
            except Exception:
                if not forgiving:
                    raise
        self._one_by_one(Forecast(np.inf if time_limit is None else time_limit), forgiving)

    def _one_by_one(self, forecast, forgiving):
        parts, late, failed = [], [], {}
        for k in self.plain:
            try:
                part = self._in_time(k, forecast, whatever=not parts)
                late += [k] if part is None else []
                parts += [] if part is None else [part]
            except Exception as error:
                if not forgiving:
                    raise
                failed[k] = error
        if not parts:
            raise next(iter(failed.values()))
        self.predictions = np.concatenate(parts, axis=1)
        limit = f"time_limit={forecast.time_limit:g} seconds"
        self._leave_out(late, f"would not have been ready within {limit}")
        for k, why in failed.items():
            self._leave_out([k], f"failed with {why!r}")

    def _in_time(self, k, forecast, whatever):
        """Cross-fit an expert, the first fold alone; return None where it would be late."""
        if not whatever and not forecast.allows(self, k):
            return None
        n_folds, began = len(self.folds), time.perf_counter()
        if whatever or n_folds == 1 or has_power(self.experts[k], CrossFits):  # all folds at once
            predictions = self._cross_fitted([k], self.folds)
        else:
            predictions = self._cross_fitted([k], self.folds[:1])
            if (time.perf_counter() - began) * (n_folds + 0.5) > forecast.left:  # and the refit
                return None
            rest = self._cross_fitted([k], self.folds[1:])
            predictions = np.where(np.isnan(rest), predictions, rest)
        forecast.owe(time.perf_counter() - began, n_folds)
        return predictions

    def _cross_fitted(self, chosen, folds):
        predictions, to_refit = cross_fit(
            [self.experts[k] for k in chosen],
            self.data,
            folds,
            self.weights[:, chosen],
            seeds=[self.seeds[k] for k in chosen],
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            keep=True,
            report=lambda j, *cost: self.report.add("cross_fit", self.names[chosen[j]], *cost),
        )
        asked = np.concatenate([test for _, test in folds])
        for j, k in enumerate(chosen):
            self._check_finite(predictions[asked, j], self.names[k])
        self._to_refit |= dict(zip(chosen, to_refit, strict=True))
        return predictions

    def _check_finite(self, predictions, name):
        unknown = int(np.sum(~np.isfinite(predictions).all(axis=1)))
        if unknown:
            raise ValueError(
                f"Every expert must predict finite numbers, got NaN or infinity from {name} for "
                f"{unknown} of {len(predictions)} rows out of fold. Mend it, or leave it out."
            )

    def drop_idle(self) -> None:
        """Drop the plain experts to which a stack, hardly pulled to equal weights, gives next to no
        weight."""
        stack = (LinearStack if self.data.task == "regression" else LogLinearStack)(pull=0.1)
        weight = self.weights[:, self.plain].mean(axis=1)
        stack.fit(self.data.X, self.data.y, weight, predictions=self.predictions)
        share = stack.weights_ / max(stack.weights_.sum(), 1e-12)
        why = f"had less than {LEAST_WEIGHT:.0%} of the weight of a stack"
        pays = (share >= LEAST_WEIGHT) | (share == share.max())
        idle = np.flatnonzero(~pays)
        self.dropped |= {self.names[self.plain[j]]: why for j in idle}
        self.predictions = self.predictions[:, pays]
        self.plain = [k for k, kept in zip(self.plain, pays, strict=True) if kept]

    def refit(self, forgiving: bool = False) -> list:
        """Return the plain experts, fitted to all rows; ``forgiving`` as in ``cross_fit``."""
        done = Parallel(n_jobs=self.n_jobs)(
            delayed(timed)(
                _refitted,
                self._to_refit[k],
                self.data,
                self.weights[:, k],
                forgiving=forgiving,
                random_state=self.seeds[k],
            )
            for k in self.plain
        )
        for k, (_, *cost) in zip(self.plain, done, strict=True):
            self.report.add("refit", self.names[k], 1, *cost)
        fitted = [expert for expert, *_ in done]
        failed = [isinstance(expert, Exception) for expert in fitted]
        if all(failed):
            raise fitted[0]
        self.predictions = self.predictions[:, np.logical_not(failed)]
        for k, expert in zip(list(self.plain), fitted, strict=True):
            if isinstance(expert, Exception):
                self._leave_out([k], f"failed with {expert!r}")
        return [expert for expert in fitted if not isinstance(expert, Exception)]

    def fit_stackers(self, cross_fitted: bool) -> tuple[list, np.ndarray]:
        """Fit the stackers to the out-of-fold predictions of the plain experts.

        Parameters
        ----------
        cross_fitted : bool
            Whether those with many parameters are cross-fitted, or leave NaN.

        Returns
        -------
        fitted : list of fitted stackers
        said : ndarray of shape (n_samples, n_stackers, n_outputs)
            Of the rows they were fitted to where they are parametric.
        """
        fitted = []
        said = np.full((len(self.data), len(self.stackers), self.data.n_outputs), np.nan)
        for j, k in enumerate(self.stackers):
            stacker, folds = self.experts[k], self.folds if cross_fitted else []
            in_sample = has_power(stacker, Parametric)
            with self.report.step("stack", self.names[k], 1 + (not in_sample) * len(folds)):
                fitted.append(_fit_stacker(stacker, self.data, self.predictions))
                if in_sample:
                    said[:, j] = self._ask(fitted[-1], self.data.X, self.predictions)
                    continue
                for train, test in folds:
                    of_fold = _fit_stacker(stacker, self.data.take(train), self.predictions[train])
                    X = rows_of(self.data.X, test)
                    said[test, j] = self._ask(of_fold, X, self.predictions[test])
        return fitted, said

    def _ask(self, stacker, X, told):
        return predict_expert(stacker, X, n_classes=self.data.n_classes, predictions=told)

    def _leave_out(self, left_out, reason):
        self.plain = [k for k in self.plain if k not in left_out]
        self.dropped |= {self.names[k]: reason for k in left_out}
        if left_out:
            warnings.warn(
                f"Left out: {', '.join(self.names[k] for k in left_out)}, which {reason}.",
                ConvergenceWarning,
                stacklevel=6,
            )


def _fit_stacker(stacker, data, told):
    return clone(stacker).fit(data.for_(stacker), data.y, data.sample_weight, predictions=told)


def _refitted(estimator, data, weight, *, forgiving, random_state):
    """Return the refitted expert; its exception where it fails and that is forgiven."""
    try:
        return refit(estimator, data, weight, random_state=random_state)
    except Exception as error:
        if not forgiving:
            raise
        return error
