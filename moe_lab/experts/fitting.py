"""Fitting and asking experts: weighted parts, missing classes."""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from moe_lab.experts.powers import Parametric
from moe_lab.registry.powers import has_power
from moe_lab.table import Prepared, given_to, rows_of

NEGLIGIBLE = 1e-3  # weights below this share of the largest do not reach a flexible expert


def fit_expert(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    task: str,
    random_state: int | None = None,
) -> Any:
    """Fit a clone of a built estimator to its part of the rows.

    A flexible expert sees only the rows that matter, with weights of mean 1 (tree boosters have
    thresholds in units of a row); a part of one row or one class gets a constant expert; an
    estimator without ``sample_weight`` gets a weighted bootstrap.

    Parameters
    ----------
    estimator : unfitted estimator, from ``Expert.build``
    X : Reading, DataFrame or ndarray of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,), optional

    Returns
    -------
    fitted : a fitted clone, or a constant one
    """
    estimator = clone(estimator)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    if has_power(estimator, Parametric) and sample_weight.any():
        return estimator.fit(given_to(estimator, X), y, sample_weight=sample_weight)  # type: ignore[attr-defined]
    kept, weight = rows_that_matter(sample_weight)
    if teach_nothing(y[kept], task):
        return constant_expert(y, kept, task)
    if len(kept) < len(y):
        X, y = rows_of(X, kept), y[kept]
    X = given_to(estimator, X)
    if weight is None:
        return estimator.fit(X, y)
    weight_parameter = _weight_parameter(estimator)
    if weight_parameter:
        return estimator.fit(X, y, **{weight_parameter: weight})
    drawn = np.random.default_rng(random_state).choice(len(y), len(y), p=weight / weight.sum())
    return estimator.fit(rows_of(X, drawn), y[drawn])


def rows_that_matter(sample_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
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


def teach_nothing(y: np.ndarray, task: str) -> bool:
    """Say whether a part is one row or one class, for which a constant expert is enough."""
    return len(y) < 2 or (task == "classification" and len(np.unique(y)) == 1)


def constant_expert(y: np.ndarray, kept: np.ndarray, task: str) -> Any:
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


def predict_expert(
    estimator: Any, X: Any, *, n_classes: int | None = None, **told: Any
) -> np.ndarray:
    """Predict with a fitted expert, widened to all classes.

    Parameters
    ----------
    estimator : fitted expert
    X : Reading, DataFrame or ndarray of shape (n_samples, n_features)
    n_classes : int, optional
        None: regression.
    **told
        ``predictions`` of the plain experts, for a stacker.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_outputs)
        Means (n_outputs = 1), or probabilities of all classes (n_outputs = n_classes).
    """
    X = given_to(estimator, X)
    if n_classes is None:
        return np.asarray(estimator.predict(X, **told), dtype=float).reshape(len(X), 1)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"An expert for classification must have predict_proba, got {estimator!r}. "
            "Wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    probabilities = np.asarray(estimator.predict_proba(X, **told))
    known = getattr(estimator, "classes_", np.arange(n_classes))  # who has none knows all
    wide = np.zeros((len(X), n_classes))
    wide[:, np.asarray(known, dtype=int)] = probabilities
    return wide


def log_prob_of(estimator: Any, X: Any, y: np.ndarray) -> np.ndarray:
    """Return what a fitted expert that has ``log_prob`` says of each y, in nats, (n_samples,)."""
    return estimator.log_prob(given_to(estimator, X), y)
