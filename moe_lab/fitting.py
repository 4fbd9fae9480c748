"""Fitting and asking experts: weighted parts, missing classes, out-of-fold predictions."""

from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from moe_lab.table import Prepared

NEGLIGIBLE = 1e-3  # weights below this share of the largest do not reach a flexible expert
MIN_PROBABILITY = 1e-5  # a class probability is at least this before its log is taken


def fit_expert(estimator, X, y, sample_weight=None, *, task, random_state=None):
    """Fit a clone of a built estimator to its part of the rows.

    A flexible expert sees only the rows that matter, with weights of mean 1 (tree boosters have
    thresholds in units of a row); a part of one row or one class gets a constant expert; an
    estimator without ``sample_weight`` gets a weighted bootstrap.

    Parameters
    ----------
    estimator : unfitted estimator, from ``Expert.build``
    sample_weight : ndarray of shape (n_samples,), optional

    Returns
    -------
    fitted : a fitted clone, or a constant one
    """
    estimator = clone(estimator)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    if getattr(estimator, "parametric", False) and sample_weight.any():
        return estimator.fit(X, y, sample_weight=sample_weight)
    kept, weight = rows_that_matter(sample_weight)
    if teach_nothing(y[kept], task):
        return constant_expert(y, kept, task)
    if len(kept) < len(y):
        X, y = _safe_indexing(X, kept), y[kept]
    if weight is None:
        return estimator.fit(X, y)
    weight_parameter = _weight_parameter(estimator)
    if weight_parameter:
        return estimator.fit(X, y, **{weight_parameter: weight})
    drawn = np.random.default_rng(random_state).choice(len(y), len(y), p=weight / weight.sum())
    return estimator.fit(_safe_indexing(X, drawn), y[drawn])


def rows_that_matter(sample_weight):
    """Find the rows that a flexible expert sees.

    Returns
    -------
    kept : ndarray of int
        Their positions.
    weight : ndarray of shape (n_kept,), or None
        Of mean 1; None where all are equal.

    Examples
    --------
    >>> rows_that_matter(np.array([2.0, 0.0, 2.0]))
    (array([0, 2]), None)
    """
    kept = np.flatnonzero(sample_weight > NEGLIGIBLE * sample_weight.max())
    weight = sample_weight[kept] / sample_weight[kept].mean() if len(kept) else None
    return kept, None if weight is None or np.ptp(weight) < 1e-12 else weight


def teach_nothing(y, task):
    """Say whether a part is one row or one class, for which a constant expert is enough."""
    return len(y) < 2 or (task == "classification" and len(np.unique(y)) == 1)


def constant_expert(y, kept, task):
    """Return the mean, or the class shares, of the rows kept; of all where none is."""
    rows = kept if len(kept) else np.arange(len(y))
    dummy = DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")
    return dummy.fit(np.zeros((len(rows), 1)), y[rows])


def _weight_parameter(estimator):
    """Return the name under which ``fit`` takes sample weights, or None."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__sample_weight" if has_fit_parameter(last, "sample_weight") else None
    model = estimator.model if isinstance(estimator, Prepared) else estimator
    return "sample_weight" if has_fit_parameter(model, "sample_weight") else None


def predict_expert(estimator, X, *, n_classes=None, **told):
    """Predict with a fitted expert, widened to all classes.

    Parameters
    ----------
    estimator : fitted expert
    X : DataFrame or ndarray of shape (n_samples, n_features)
    n_classes : int, optional
        None: regression.
    **told
        ``predictions`` of the plain experts, for a stacker.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_outputs)
        Means (n_outputs = 1), or probabilities of all classes (n_outputs = n_classes).
    """
    if n_classes is None:
        return np.asarray(estimator.predict(X, **told), dtype=float).reshape(len(X), 1)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"An expert for classification must have predict_proba, got {estimator!r}. "
            "Wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    wide = np.zeros((len(X), n_classes))
    wide[:, np.asarray(estimator.classes_, dtype=int)] = estimator.predict_proba(X, **told)
    return wide


class CrossFitted(NamedTuple):
    """An estimator that cross-fitted itself and can be refitted with what it found or made."""

    estimator: object


def cross_fit(
    estimators,
    X,
    y,
    folds,
    weights=None,
    *,
    task,
    n_classes=None,
    seeds=None,
    n_jobs=None,
    verbose=0,
    scoring=False,
    keep=False,
):
    """Predict every row with experts that did not see it.

    An estimator that has a method ``cross_fit(X, y, folds, sample_weight)`` does it its own way;
    the others are fitted once for each fold.

    Parameters
    ----------
    estimators : list of unfitted estimators
    folds : list of (train, test) pairs of index arrays
    weights : ndarray of shape (n_samples, n_experts), optional
        Each expert's own sample weights.
    seeds : list of int, optional
        One for each expert.
    scoring : bool, default=False
        Ask the experts for ``log_prob`` of the targets instead of predictions.
    keep : bool, default=False
        Return also what ``refit`` takes.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        Out of fold. If ``scoring``: log-probabilities of shape (n_samples, n_experts), in nats.
    to_refit : list, only if ``keep``
        For each expert what ``refit`` fits to all rows: the estimator, or, where it has a method
        ``refit(X, y, sample_weight)`` and cross-fitted itself, that very instance.
    """
    predictions = np.full((len(y), len(estimators), 1 if scoring else n_classes or 1), np.nan)
    weights = np.ones((len(y), len(estimators))) if weights is None else weights
    seeds = seeds or [None] * len(estimators)
    settings = {"task": task, "n_classes": n_classes, "scoring": scoring}
    jobs, to_do = [], []  # (expert, rows predicted), what to call
    for k, estimator in enumerate(estimators):
        if hasattr(estimator, "cross_fit") and not scoring:
            jobs.append((k, slice(None)))
            to_do.append(delayed(_cross_fit_itself)(estimator, X, y, folds, weights[:, k]))
            continue
        for train, test in folds:
            jobs.append((k, test))
            fold = (estimator, train, test, weights[train, k])
            to_do.append(delayed(_fit_and_predict)(X, y, *fold, seed=seeds[k], **settings))
    to_refit = list(estimators)
    done = Parallel(n_jobs=n_jobs)(progress(to_do, "cross-fit", verbose))
    for (k, rows), (part, kept) in zip(jobs, done, strict=True):
        predictions[rows, k] = part.reshape(predictions[rows, k].shape)
        to_refit[k] = to_refit[k] if kept is None else kept
    predictions = predictions[:, :, 0] if scoring else predictions
    return (predictions, to_refit) if keep else predictions


def _cross_fit_itself(estimator, X, y, folds, weight):
    """Return its predictions, and the estimator where it can be refitted."""
    estimator = clone(estimator)
    predictions = np.asarray(estimator.cross_fit(X, y, folds, weight), dtype=float)
    return predictions, CrossFitted(estimator) if hasattr(estimator, "refit") else None


def refit(estimator, X, y, sample_weight=None, *, task, random_state=None):
    """Fit an expert to all rows after cross-fitting.

    Parameters
    ----------
    estimator : one of ``to_refit`` of ``cross_fit``
    X, y, sample_weight : the same rows

    Returns
    -------
    fitted : fitted expert
        A part that teaches nothing gives a constant one, as in ``fit_expert``.
    """
    if not isinstance(estimator, CrossFitted):
        return fit_expert(estimator, X, y, sample_weight, task=task, random_state=random_state)
    kept, _ = rows_that_matter(np.ones(len(y)) if sample_weight is None else sample_weight)
    if teach_nothing(y[kept], task):
        return constant_expert(y, kept, task)
    return estimator.estimator.refit(X, y, sample_weight)


def _fit_and_predict(X, y, estimator, train, test, weight, *, task, n_classes, scoring, seed):
    rows, held_out = _safe_indexing(X, train), _safe_indexing(X, test)
    fitted = fit_expert(estimator, rows, y[train], weight, task=task, random_state=seed)
    if scoring and hasattr(fitted, "log_prob"):
        return fitted.log_prob(held_out, y[test])[:, None], None
    predictions = predict_expert(fitted, held_out, n_classes=n_classes)
    if not scoring:
        return predictions, None
    scales = None if n_classes else [y[train].std() or 1.0]  # a constant stands in for the expert
    return log_prob(predictions[:, None, :], y[test], scales), None


def log_prob(predictions, y, scales=None):
    """Log-probability of the targets under each expert, from its predictions.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    scales : ndarray of shape (n_experts,), optional
        Gaussian noise scales (regression); None: classification.

    Returns
    -------
    log_prob : ndarray of shape (n_samples, n_experts), in nats
    """
    if scales is None:
        return np.log(np.clip(predictions[np.arange(len(y)), :, y], MIN_PROBABILITY, 1.0))
    z = (y[:, None] - predictions[:, :, 0]) / scales
    return -0.5 * z**2 - np.log(scales) - 0.5 * np.log(2 * np.pi)


def noise_scales(predictions, y, weights, min_scale):
    """Weighted root mean squared residual of every expert, at least ``min_scale``; (n_experts,)."""
    squares = (y[:, None] - predictions[:, :, 0]) ** 2
    return np.maximum(np.sqrt((weights * squares).sum(axis=0) / weights.sum(axis=0)), min_scale)


def standard_deviation(y, weight):
    """Weighted standard deviation of y."""
    return float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))


def progress(steps, title, verbose):
    """Wrap a sequence in a progress bar if ``verbose``."""
    if not verbose:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc=title, leave=False)
