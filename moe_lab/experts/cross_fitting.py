"""Out-of-fold predictions of experts, and their refit to all rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from moe_lab.experts import powers
from moe_lab.experts.fitting import (
    constant_expert,
    fit_expert,
    log_prob_of,
    predict_expert,
    rows_that_matter,
    teach_nothing,
)
from moe_lab.likelihood.outcome import log_prob
from moe_lab.progress import progress
from moe_lab.registry.powers import has_power

if TYPE_CHECKING:
    from moe_lab.table.data import TrainingData


class CrossFitted(NamedTuple):
    """An estimator that cross-fitted itself and can be refitted with what it found or made."""

    estimator: Any


def cross_fit(
    estimators: list,
    data: TrainingData,
    folds: list[tuple],
    weights: np.ndarray | None = None,
    *,
    seeds: Sequence[int] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    scoring: bool = False,
    keep: bool = False,
    report: Callable | None = None,
) -> Any:
    """Predict every row with experts that did not see it.

    An estimator that has a method ``cross_fit(X, y, folds, sample_weight)`` does it its own way;
    the others are fitted once for each fold.

    Parameters
    ----------
    estimators : list of unfitted estimators
    data : TrainingData
    folds : list of (train, test) pairs of index arrays
    weights : ndarray of shape (n_samples, n_experts), optional
        Each expert's own sample weights; default: those of the data.
    seeds : list of int, optional
        One for each expert.
    scoring : bool, default=False
        Ask the experts for ``log_prob`` of the targets instead of predictions.
    keep : bool, default=False
        Return also what ``refit`` takes.
    report : callable, optional
        Told what each expert cost: its number, fits, seconds and CPU seconds of these, summed.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        Out of fold. If ``scoring``: log-probabilities of shape (n_samples, n_experts), in nats.
    to_refit : list, only if ``keep``
        For each expert what ``refit`` fits to all rows: the estimator, or, where it has a method
        ``refit(X, y, sample_weight)`` and cross-fitted itself, that very instance.
    """
    shape = len(data), len(estimators), 1 if scoring else data.n_outputs
    predictions = np.full(shape, np.nan)
    weights = np.tile(data.sample_weight[:, None], shape[1]) if weights is None else weights
    seeds = seeds or [None] * len(estimators)  # type: ignore[list-item]
    jobs, to_do = [], []  # (expert, rows predicted), what to call
    for k, estimator in enumerate(estimators):
        if has_power(estimator, powers.CrossFits) and not scoring:
            jobs.append((k, slice(None)))
            to_do.append(delayed(timed)(_cross_fit_itself, estimator, data, folds, weights[:, k]))
            continue
        for train, test in folds:
            jobs.append((k, test))
            fold = (estimator, train, test, weights[train, k])
            settings = {"seed": seeds[k], "scoring": scoring}
            to_do.append(delayed(timed)(_fit_and_predict, data, *fold, **settings))
    to_refit = list(estimators)
    done = Parallel(n_jobs=n_jobs)(progress(to_do, "cross-fit", verbose))
    for (k, rows), ((part, kept), *cost) in zip(jobs, done, strict=True):
        predictions[rows, k] = part.reshape(predictions[rows, k].shape)
        to_refit[k] = to_refit[k] if kept is None else kept
        if report is not None:
            report(k, len(folds) if isinstance(rows, slice) else 1, *cost)
    predictions = predictions[:, :, 0] if scoring else predictions
    return (predictions, to_refit) if keep else predictions


def timed(call: Callable, *args: Any, **settings: Any) -> tuple[Any, float, float]:
    """Call it; return its answer, and the seconds and CPU seconds that it took, where it ran."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = call(*args, **settings)
    return answer, time.perf_counter() - wall, time.process_time() - cpu


def _cross_fit_itself(estimator, data, folds, weight):
    """Return its predictions, and the estimator where it can be refitted."""
    estimator = clone(estimator)
    predictions = estimator.cross_fit(data.for_(estimator), data.y, folds, weight)
    predictions = np.asarray(predictions, dtype=float)
    return predictions, CrossFitted(estimator) if has_power(estimator, powers.Refits) else None


def refit(
    estimator: Any,
    data: TrainingData,
    weight: np.ndarray | None = None,
    *,
    random_state: int | None = None,
) -> Any:
    """Fit an expert to all rows after cross-fitting.

    Parameters
    ----------
    estimator : one of ``to_refit`` of ``cross_fit``
    data : TrainingData
        The same rows.
    weight : ndarray of shape (n_samples,), optional
        The expert's own sample weights; default: those of the data.

    Returns
    -------
    fitted : fitted expert
        A part that teaches nothing gives a constant one, as in ``fit_expert``.
    """
    weight = data.sample_weight if weight is None else weight
    X, y, task = data.X, data.y, data.task
    if not isinstance(estimator, CrossFitted):
        return fit_expert(estimator, X, y, weight, task=task, random_state=random_state)
    kept, _ = rows_that_matter(weight)
    if teach_nothing(y[kept], task):
        return constant_expert(y, kept, task)
    return estimator.estimator.refit(data.for_(estimator.estimator), y, weight)


def _fit_and_predict(data, estimator, train, test, weight, *, scoring, seed):
    rows, held_out = data.take(train), data.take(test)
    fitted = fit_expert(estimator, rows.X, rows.y, weight, task=data.task, random_state=seed)
    if scoring and has_power(fitted, powers.HasDensity):
        return log_prob_of(fitted, held_out.X, held_out.y)[:, None], None
    predictions = predict_expert(fitted, held_out.X, n_classes=data.n_classes)
    if not scoring:
        return predictions, None
    # a constant stands in for the expert
    scales = None if data.n_classes else [rows.y.std() or 1.0]
    return log_prob(predictions[:, None, :], held_out.y, scales), None
