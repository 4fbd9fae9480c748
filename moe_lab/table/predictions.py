"""What experts say, as features of a model on the level above."""

import numpy as np
import pandas as pd

MIN_PROBABILITY = 1e-5  # trees say 0 and 1; a log-odds is 11.5 at most


def log_odds(probabilities, least=MIN_PROBABILITY):
    """Return how surely each expert says each class.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_experts, n_classes)
    least : float
        Where they are clipped before the log.

    Returns
    -------
    features : ndarray of shape (n_samples, n_experts) or (n_samples, n_experts * n_classes)
        In nats. Two classes: one log-odds for each expert; more: log-probabilities, centred over
        the classes.

    Examples
    --------
    >>> log_odds(np.array([[[0.5, 0.5], [0.1, 0.9]]])).round(2)
    array([[0. , 2.2]])
    """
    logs = np.log(np.clip(probabilities, least, 1 - least))
    if logs.shape[2] == 2:
        return logs[:, :, 1] - logs[:, :, 0]
    return (logs - logs.mean(axis=2, keepdims=True)).reshape(len(logs), -1)


def with_predictions(table, predictions):
    """Put what the experts say in front of the table: how far they disagree, then each one's word.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        As boosted trees read it.
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        Means, or class probabilities, which are told as log-odds.

    Returns
    -------
    features : DataFrame or ndarray of shape (n_samples, n_told + n_features)

    Examples
    --------
    >>> with_predictions(np.array([[7.0]]), np.array([[[1.0], [3.0]]]))
    array([[1., 1., 3., 7.]])
    """
    disagreement, told = predictions.std(axis=1), predictions[:, :, 0]
    if predictions.shape[2] > 1:
        told = log_odds(predictions, least=1e-4)
    if predictions.shape[2] == 2:  # of two classes one tells all
        disagreement = disagreement[:, :1]
    told = np.column_stack([disagreement, told])
    if isinstance(table, np.ndarray):
        return np.column_stack([told, table])
    named = pd.DataFrame(told, columns=[f"_told_{j}" for j in range(told.shape[1])])
    return pd.concat([named, table.reset_index(drop=True)], axis=1)
