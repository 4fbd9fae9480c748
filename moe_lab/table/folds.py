"""Folds for out-of-fold predictions, contiguous or by group; and the rows that stop training."""

import warnings
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, rankdata
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
)

HELD_OUT = 0.15  # share of the rows by which training is stopped
MUCH = 0.15  # of the variance of the target's ranks, between contiguous folds
LEAST_ROWS = 3  # of a fold whose mean says something
NEVER = 1e-6  # the probability of that by chance
MIN_HELD_OUT = 10  # rows; with fewer, nothing is held out


def make_folds(
    y: np.ndarray,
    *,
    task: str,
    cv: Any = 3,
    groups: ArrayLike | None = None,
    rows: np.ndarray | None = None,
) -> list[tuple]:
    """Split the rows so that every row is held out once.

    Folds follow the order of the rows and are never shuffled, so that drift over time is seen;
    classes are spread over the folds and groups kept together.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    task : {"regression", "classification"}
    cv : int, splitter or list of (train, test) pairs, default=3
        Number of folds, of which at most the number of rows (or groups) is used; a splitter of
        scikit-learn's; or the rows of each fold, by their numbers in the caller's table.
    groups : array-like of shape (n_samples,), optional
        Rows of one group are held out together.
    rows : int ndarray of shape (n_samples,), optional
        The numbers of these rows in the caller's table; default: they are the whole of it.

    Returns
    -------
    folds : list of (train, test) pairs of index arrays
        Empty where fewer than two folds can be made.

    Raises
    ------
    ValueError
        If ``cv`` is none of these, does not hold every row out once, or divides a group.

    Examples
    --------
    >>> [test.tolist() for _, test in make_folds(np.zeros(4), task="regression", cv=2)]
    [[0, 1], [2, 3]]
    >>> [test.tolist() for _, test in make_folds(np.zeros(4), task="regression", cv=KFold(2))]
    [[0, 1], [2, 3]]
    """
    if isinstance(cv, Integral) and not isinstance(cv, bool) and cv >= 2:  # type: ignore[operator]
        return _folds_of_number(y, int(cv), task == "classification", groups)
    if isinstance(cv, PredefinedSplit):  # which knows the caller's rows by number
        folds = _known_folds(cv.split(), len(y), rows)
    elif hasattr(cv, "split") and not isinstance(cv, str):
        folds = _split(cv, y, groups)
    elif isinstance(cv, Iterable) and not isinstance(cv, str):
        folds = _known_folds(cv, len(y), rows)
    else:
        raise ValueError(
            f"cv must be at least 2, a splitter or a list of (train, test) splits, got cv={cv!r}."
        )
    _check_held_out_once(folds, len(y), cv)
    _check_groups_whole(folds, groups, cv)
    return folds


def _folds_of_number(y, n_folds, classification, groups):
    n_samples = len(y)
    n_units = n_samples if groups is None else len(np.unique(groups))
    largest_class = np.unique(y, return_counts=True)[1].max() if classification else n_samples
    n_splits = min(n_folds, n_units, largest_class)
    if n_splits < 2:
        return []
    if groups is not None:
        splitter = (StratifiedGroupKFold if classification else GroupKFold)(n_splits)
    else:
        splitter = (StratifiedKFold if classification else KFold)(n_splits)
    return _split(splitter, y, groups)


def _split(splitter, y, groups):
    with warnings.catch_warnings():
        # a class rarer than the folds is missing in one: experts are widened
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")  # checked here
        return list(splitter.split(np.zeros((len(y), 1)), y, groups))


def _known_folds(splits, n_samples, rows):
    """Return splits of the caller's rows as splits of those that are here."""
    splits, rows = list(splits), np.arange(n_samples) if rows is None else rows
    n_known = int(rows.max()) + 1
    position = np.full(n_known, -1)
    position[rows] = np.arange(n_samples)

    def here(part):
        part = np.asarray(part)
        part = np.flatnonzero(part) if part.dtype == bool else part.astype(int)
        found = position[part[(part >= 0) & (part < n_known)]]
        return found[found >= 0]

    folds = [(here(train), here(test)) for train, test in splits]
    folds = [(train, test) for train, test in folds if len(train) and len(test)]
    return [] if len(folds) < 2 <= len(splits) else folds


def _check_held_out_once(folds, n_samples, cv):
    if not folds:
        return
    times = np.bincount(np.concatenate([test for _, test in folds]), minlength=n_samples)
    seen = sum(len(np.intersect1d(train, test)) for train, test in folds)
    if len(times) > n_samples or (times != 1).any() or seen:
        never, often = int(np.sum(times == 0)), int(np.sum(times > 1))
        raise ValueError(
            f"cv must hold every row out once, from folds without it, got {never} of {n_samples} "
            f"rows never held out, {often} more than once and {seen} in their own fold's training "
            f"rows by {cv!r}. Use KFold, GroupKFold or another splitter that partitions the rows."
        )


def _check_groups_whole(folds, groups, cv):
    for train, test in folds if groups is not None else []:
        shared = np.intersect1d(groups[train], groups[test])
        if len(shared):
            raise ValueError(
                "cv must hold the rows of a group out together where groups are given, got "
                f"{shared[0]!r} on both sides of a fold by {cv!r}. Use GroupKFold, a number, or "
                "leave groups out."
            )


def folds_or_in_sample(
    y: np.ndarray,
    *,
    task: str,
    cv: int = 3,
    groups: np.ndarray | None = None,
    rows: np.ndarray | None = None,
) -> list[tuple]:
    """Split as ``make_folds`` does; where no two folds can be made, warn and hold nothing out.

    Returns
    -------
    folds : list of (train, test) pairs of index arrays
        One pair of all rows twice where there are too few rows or groups.
    """
    folds = make_folds(y, task=task, cv=cv, groups=groups, rows=rows)
    if folds:
        warn_of_order(y, folds, task=task, cv=cv, groups=groups)
        return folds
    warnings.warn(
        f"Too few rows or groups for two folds (rows: {len(y)}); what is learnt from the experts' "
        "predictions is learnt in sample.",
        stacklevel=4,
    )
    everything = np.arange(len(y))
    return [(everything, everything)]


def warn_of_order(
    y: np.ndarray, folds: list[tuple], *, task: str, cv: Any, groups: np.ndarray | None = None
) -> None:
    """Warn where contiguous folds differ in their targets far beyond chance, as rows sorted by the
    target do: no expert then sees the range of the fold that it is asked about.

    Classes are spread over the folds and groups are not in order, so that this is of numbers alone.
    """
    by_class = task == "classification" or groups is not None
    if by_class or not isinstance(cv, Integral) or len(y) < LEAST_ROWS * len(folds):
        return
    ranks = rankdata(y)
    ranks -= ranks.mean()
    between = sum(len(test) * ranks[test].mean() ** 2 for _, test in folds)
    share = between / max(ranks @ ranks, 1.0)  # Beta-distributed where the order says nothing
    by_chance = beta.sf(share, (len(folds) - 1) / 2, (len(y) - len(folds)) / 2)
    if share > MUCH and by_chance < NEVER:
        means = ", ".join(f"{np.mean(y[test]):.3g}" for _, test in folds)
        warnings.warn(
            f"The rows are ordered by y, or by what goes with it: contiguous folds have mean "
            f"targets of {means}, and no expert sees the range of the fold it is asked about. If "
            "the order is not that of time, shuffle: "
            f"cv=KFold({len(folds)}, shuffle=True, random_state=0), as in "
            "train=OutOfFold(cv=...), or shuffle the rows.",
            stacklevel=5,
        )


def held_out_rows(
    n_samples: int, rng: np.random.RandomState, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
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
