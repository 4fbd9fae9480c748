"""The error of predictions, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from moe_lab.likelihood import outcome
from moe_lab.pool import base as pool
from moe_lab.table.inputs import as_numbers, codes_of, one_column

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.reading import Reading


def target_of(mixture: MoERegressor | MoEClassifier, y: Any) -> np.ndarray:
    """Return y as finite floats, or as the codes of the mixture's classes."""
    if is_classifier(mixture):
        return codes_of(y, mixture.classes_)
    return as_numbers(one_column(y))


def row_losses(
    mixture: MoERegressor | MoEClassifier, predictions: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return each row's squared error, or log-loss in nats.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, ..., n_outputs)
    y : ndarray of shape (n_samples,)
        From `target_of`.

    Returns
    -------
    losses : ndarray of shape (n_samples, ...)
    """
    return outcome.row_losses(predictions, y, mixture._n_classes)


def error_name(mixture: MoERegressor | MoEClassifier) -> str:
    return "log_loss" if is_classifier(mixture) else "rmse"


def mean_error(
    mixture: MoERegressor | MoEClassifier,
    losses: np.ndarray,
    sample_weight: np.ndarray | None = None,
) -> Any:
    """Return the mean log-loss, or the root mean squared error, over the rows."""
    mean = np.average(losses, axis=0, weights=sample_weight)
    return mean if is_classifier(mixture) else np.sqrt(mean)


def pooled(
    mixture: MoERegressor | MoEClassifier,
    predictions: np.ndarray,
    gate_weights: np.ndarray,
    X: Reading,
) -> np.ndarray:
    """Pool the experts' predictions of the rows by gate weights, shape (n_samples, n_outputs)."""
    return pool.pooled(mixture.pooler_, predictions, gate_weights, mixture.scales_, X)
