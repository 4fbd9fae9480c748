"""Whether the rows change with their order: contiguous folds that disagree about the experts."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np

from moe_lab.likelihood.outcome import row_losses

LEAST_ROWS = 200  # in a fold
BEYOND = 4.5  # standard errors
MUCH = 0.05  # of the loss of the middle expert
AGREEING = 3  # experts that must change: one alone may have failed in a fold
EXTREME = 0.01  # share of the rows at either end that count as the row there


def warn_of_drift(candidates: Any, cv: Any) -> None:
    """Warn where experts gain or lose on the last fold, one against the other, far beyond chance.

    Only of folds in the order of the rows: a number of them, without groups.
    """
    data = candidates.data
    few = min(len(test) for _, test in candidates.folds) < LEAST_ROWS
    if not isinstance(cv, Integral) or data.groups is not None or few:
        return
    last = candidates.folds[-1][1]
    losses = row_losses(candidates.predictions, data.y, data.n_classes)
    change, errors = disagreement(losses, last)
    if not is_drift(change, errors):
        return
    names = [candidates.names[k] for k in candidates.plain]
    better, worse = names[int(np.argmin(change))], names[int(np.argmax(change))]
    warnings.warn(
        f"The rows change with their order: out of fold, {better} gains on the others in the last "
        f"{len(last)} of {len(data)} rows, and {worse} falls behind. Weights that are right for "
        "all these rows may not be for rows to come. If the order is that of time, keep the latest "
        "rows to compare with one expert alone, such as experts=['linear']; if it says nothing, "
        "shuffle: cv=KFold(3, shuffle=True, random_state=0), as in train=OutOfFold(cv=...).",
        stacklevel=4,
    )


def is_drift(change: np.ndarray, errors: np.ndarray) -> bool:
    """Say whether enough experts gain or lose enough, of what ``disagreement`` returned."""
    counts = (np.abs(errors) > BEYOND) & (np.abs(change) > MUCH)
    return len(counts) > 1 and counts.sum() >= min(AGREEING, len(counts))


def disagreement(losses: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what each expert loses on the last rows more than on the others.

    Parameters
    ----------
    losses : ndarray of shape (n_samples, n_experts)
    last : ndarray of int
        Rows.

    Returns
    -------
    change : ndarray of shape (n_experts,)
        Of the loss beyond that of the middle expert, as a share of that; negative: it gains.
    errors : ndarray of shape (n_experts,)
        The same in standard errors.

    Examples
    --------
    >>> losses = np.ones((400, 3))
    >>> losses[:, 0] += np.arange(400) >= 300
    >>> disagreement(losses, np.arange(300, 400))[0]
    array([1., 0., 0.])
    """
    middle = np.median(losses, axis=1, keepdims=True)
    beyond = losses - middle
    beyond = np.clip(beyond, *np.quantile(beyond, [EXTREME, 1 - EXTREME], axis=0))
    before = np.setdiff1d(np.arange(len(losses)), last)
    parts = beyond[last], beyond[before]
    change = parts[0].mean(axis=0) - parts[1].mean(axis=0)
    variance = sum(part.var(axis=0) / len(part) for part in parts)
    least = np.finfo(float).tiny
    return change / max(middle.mean(), least), change / np.sqrt(np.maximum(variance, least))
