"""Folds for out-of-fold predictions, contiguous or by group; and the rows that stop training."""

import warnings

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

HELD_OUT = 0.15  # share of the rows by which training is stopped
MIN_HELD_OUT = 10  # rows; with fewer, nothing is held out


def make_folds(y, *, task, cv=3, groups=None):
    """Split the rows so that every row is held out once.

    Folds follow the order of the rows and are never shuffled, so that drift over time is seen;
    classes are spread over the folds and groups kept together.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    task : {"regression", "classification"}
    cv : int, default=3
        Number of folds; at most the number of rows (or groups) is used.
    groups : array-like of shape (n_samples,), optional
        Rows of one group are held out together.

    Returns
    -------
    folds : list of (train, test) pairs of index arrays
        Empty where fewer than two folds can be made.

    Examples
    --------
    >>> [test.tolist() for _, test in make_folds(np.zeros(4), task="regression", cv=2)]
    [[0, 1], [2, 3]]
    """
    if cv < 2:
        raise ValueError(f"cv must be at least 2, got cv={cv}.")
    n_samples = len(y)
    classification = task == "classification"
    n_units = n_samples if groups is None else len(np.unique(groups))
    largest_class = np.unique(y, return_counts=True)[1].max() if classification else n_samples
    n_splits = min(cv, n_units, largest_class)
    if n_splits < 2:
        return []
    if groups is not None:
        splitter = (StratifiedGroupKFold if classification else GroupKFold)(n_splits)
    else:
        splitter = (StratifiedKFold if classification else KFold)(n_splits)
    with (
        warnings.catch_warnings()
    ):  # a class rarer than the folds is missing in one: experts are widened
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return list(splitter.split(np.zeros(n_samples), y, groups))


def folds_or_in_sample(y, *, task, cv=3, groups=None):
    """Split as ``make_folds`` does; where no two folds can be made, warn and hold nothing out.

    Returns
    -------
    folds : list of (train, test) pairs of index arrays
        One pair of all rows twice where there are too few rows or groups.
    """
    folds = make_folds(y, task=task, cv=cv, groups=groups)
    if folds:
        return folds
    warnings.warn(
        f"Too few rows or groups for two folds (rows: {len(y)}); what is learnt from the experts' "
        "predictions is learnt in sample.",
        stacklevel=4,
    )
    rows = np.arange(len(y))
    return [(rows, rows)]


def held_out_rows(n_samples, rng, groups=None):
    """Draw the rows that stop training; whole groups where there are any.

    Parameters
    ----------
    n_samples : int
    rng : RandomState
    groups : ndarray of shape (n_samples,), optional

    Returns
    -------
    train, held_out : ndarray of int
        Both all rows where a part of them would be too few.

    Examples
    --------
    >>> train, held_out = held_out_rows(100, np.random.RandomState(0))
    >>> len(train), len(held_out)
    (85, 15)
    """
    every = np.arange(n_samples)
    if groups is None:
        chosen = rng.permutation(n_samples)[: int(HELD_OUT * n_samples)]
    else:
        _, group = np.unique(groups, return_inverse=True)
        order = rng.permutation(group.max() + 1)
        covered = np.bincount(group)[order].cumsum()
        chosen = np.flatnonzero(np.isin(group, order[covered <= HELD_OUT * n_samples]))
    if len(chosen) < MIN_HELD_OUT:
        return every, every
    return np.setdiff1d(every, chosen), chosen
