"""How predictions are scored: which metrics a task has, their units and their directions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.experts.powers import ScoresRows
from moe_lab.registry.powers import has_power
from moe_lab.registry.spelling import unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from moe_lab.table.forms import Table

__all__ = ["METRICS", "Metric", "get_metric", "primary_metric", "score_fitted"]


@dataclass(frozen=True)
class Metric:
    """A score: what it is for, and how to read it.

    Parameters
    ----------
    name : str
    task : {"regression", "classification"}
    unit : str
        Unit of the score; "y" is the unit of the target.
    lower_is_better : bool, default=True
    """

    name: str
    task: str
    unit: str
    lower_is_better: bool = True

    @property
    def is_relative(self) -> bool:
        """Whether differences are in percent; a log-density has no zero, so its are in nats."""
        return self.name != "nll"

    @property
    def difference_unit(self) -> str:
        """Unit of a difference between two methods."""
        return "%" if self.is_relative else "nats"


# Primary metric of a task first.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("log_loss", "classification", "nats"),
        Metric("accuracy", "classification", "fraction", lower_is_better=False),
        Metric("roc_auc", "classification", "fraction", lower_is_better=False),
        Metric("calibration_error", "classification", "fraction"),
        Metric("rmse", "regression", "y"),
        Metric("mae", "regression", "y"),
        Metric("nll", "regression", "nats"),
    )
}


def get_metric(name: str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in METRICS:
        raise ValueError(unknown_name("metric", name, METRICS, listed="Metrics"))
    return METRICS[name]


def primary_metric(task: str) -> str:
    """Return the name of the metric that a task is judged by.

    Examples
    --------
    >>> primary_metric("regression")
    'rmse'
    """
    return next(metric.name for metric in METRICS.values() if metric.task == task)


def score_fitted(
    estimator: Any, X: pd.DataFrame, y: np.ndarray, *, task: str, n_classes: int | None = None
) -> tuple[dict, float]:
    """Score a fitted estimator on rows that it has not seen.

    Parameters
    ----------
    estimator : fitted estimator
    X : DataFrame of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    task : {"regression", "classification"}
    n_classes : int, optional
        Number of classes of the whole data set.

    Returns
    -------
    scores : dict of str to float
        Metric name -> score, the primary metric first. `nll` only where the estimator has
        `score_samples(X, y)`; `roc_auc` is NaN where a class is missing in y.
    predict_seconds : float
        Wall seconds of the one call that predicts.
    """
    if task == "classification":
        seconds, proba = _timed(predict_probabilities, estimator, X, n_classes)
        return classification_scores(y, proba), seconds
    seconds, prediction = _timed(estimator.predict, X)
    scores = regression_scores(y, np.asarray(prediction, dtype=float).reshape(len(y)))
    if has_power(estimator, ScoresRows):
        scores["nll"] = -float(np.mean(estimator.score_samples(X, y)))
    return scores, seconds


def predict_probabilities(estimator: Any, X: Table, n_classes: int) -> np.ndarray:
    """Return probabilities of all classes, (n_samples, n_classes); 0 for those never seen."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"A method for classification must have predict_proba, got {estimator!r}. "
            "Wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    proba = np.asarray(estimator.predict_proba(X), dtype=float)
    wide = np.zeros((len(proba), n_classes))
    wide[:, np.asarray(estimator.classes_, dtype=int)] = proba
    if not np.allclose(wide.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "predict_proba must return rows that sum to 1, got sums from "
            f"{wide.sum(axis=1).min():.4g} to {wide.sum(axis=1).max():.4g} from {estimator!r}."
        )
    return wide


def classification_scores(y: np.ndarray, proba: np.ndarray) -> dict:
    """Score probabilities: log_loss (nats a row), accuracy, roc_auc (macro one-vs-rest) and
    calibration_error."""
    from sklearn.metrics import roc_auc_score

    # float32 members sum to 1 only to 1e-7, and a probability of 0 must cost a finite loss
    smallest = np.finfo(float).eps
    clipped = np.clip(proba / proba.sum(axis=1, keepdims=True), smallest, 1.0)
    log_loss = -float(np.mean(np.log(clipped[np.arange(len(y)), y])))
    accuracy = float(np.mean(proba.argmax(axis=1) == y))
    n_classes = proba.shape[1]
    if len(np.unique(y)) < n_classes:
        auc = np.nan
    else:
        one_vs_rest = [roc_auc_score(y == k, proba[:, k]) for k in range(n_classes)]
        auc = float(np.mean(one_vs_rest))
    scores = {"log_loss": log_loss, "accuracy": accuracy, "roc_auc": auc}
    return scores | {"calibration_error": calibration_error(y, proba)}


def calibration_error(y: np.ndarray, proba: np.ndarray, n_bins: int = 10) -> float:
    """Return how far the probability of the likeliest class is from how often it is the one.

    The expected calibration error: rows in bins of equal width by that probability, the absolute
    difference of mean probability and accuracy in each, averaged over rows.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On Calibration of Modern Neural Networks, ICML.

    Examples
    --------
    >>> y, proba = np.array([0, 0, 1, 1]), np.array([[0.8, 0.2]] * 4)
    >>> round(calibration_error(y, proba), 3)
    0.3
    """
    sure, right = proba.max(axis=1), proba.argmax(axis=1) == y
    bins = np.minimum((sure * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=sure - right, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(y))


def regression_scores(y: np.ndarray, prediction: np.ndarray) -> dict:
    """Return rmse and mae, both in the unit of y."""
    error = prediction - y
    return {"rmse": float(np.sqrt(np.mean(error**2))), "mae": float(np.mean(np.abs(error)))}


def _timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result
