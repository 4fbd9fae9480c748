"""Which rows are held out: the same ones for every method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from moe_lab.datasets.base import Dataset

MOST = 0.7  # of the rows may be asked for training where one split a seed is drawn
DRAWS = 20  # of groups, until no class is held out altogether


def make_splits(
    dataset: Dataset, y: np.ndarray, *, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split a data set into the folds that all methods share.

    Rows are shuffled by the seed and classes spread evenly; rows of one group are held out
    together. A set in time order is never shuffled: each fold is predicted from what came before
    it, and the seed has no part in it.

    Parameters
    ----------
    dataset : Dataset
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    folds : int
        Number of folds, at least 2.
    seed : int

    Returns
    -------
    splits : list of (train, test) pairs of index arrays

    Raises
    ------
    ValueError
        If there are too few rows, groups, or rows of a class for the folds.
    """
    _check_folds(dataset, y, folds)
    splitter = _splitter(dataset, folds, seed)
    groups = None if dataset.groups is None or dataset.time_ordered else np.asarray(dataset.groups)
    return list(splitter.split(np.zeros(len(y)), y, groups))


def draw_split(
    dataset: Dataset, y: np.ndarray, *, n_train: int, n_test: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw so many rows to train on, and others to test on.

    Classes are spread evenly, and each has a row in training; groups are never parted between
    training and test. A set in time order is not shuffled: the test is its end, the training rows
    those just before, and the seed has no part in it.

    Parameters
    ----------
    dataset : Dataset
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    n_train : int
        Training rows; 70 % of the set where that is less. Whole groups may stop short of it.
    n_test : int
        Test rows at most.
    seed : int

    Returns
    -------
    train, test : index arrays, in the order of the rows

    Raises
    ------
    ValueError
        If there are too few rows for the classes, or none is left on one side.
    """
    _check_rows(n_train=n_train, n_test=n_test)
    n_train = min(n_train, int(MOST * len(y)))
    rng = np.random.default_rng(seed)
    if dataset.time_ordered:
        order = np.arange(max(0, len(y) - n_test - n_train), len(y))
    elif dataset.groups is not None:
        order, n_train = _order_by_group(np.asarray(dataset.groups), dataset, y, n_train, rng)
    elif dataset.task == "classification":
        order = _order_by_class(y, rng)
    else:
        order = rng.permutation(len(y))
    _check_split(dataset, y, n_train)
    return np.sort(order[:n_train]), np.sort(order[n_train : n_train + n_test])


def _order_by_class(y, rng):
    """Return all rows so that each stretch of them has its share of every class; one row of each
    class comes first."""
    shuffled = rng.permutation(len(y))
    place = np.empty(len(y))
    for rows in (shuffled[y[shuffled] == code] for code in np.unique(y)):
        place[rows] = (np.arange(len(rows)) + rng.random(len(rows))) / len(rows)
        place[rows[0]] -= 1
    return np.argsort(place, kind="stable")


def _order_by_group(groups, dataset, y, n_train, rng):
    """Return all rows group by group, and how many of them are whole groups within n_train; where
    possible in an order that lets training see every class."""
    _, codes = np.unique(groups, return_inverse=True)
    sizes = np.bincount(codes)
    for _ in range(DRAWS):
        drawn = rng.permutation(len(sizes))
        ends = np.cumsum(sizes[drawn])
        within = int(ends[ends <= n_train][-1]) if ends[0] <= n_train else 0
        order = np.argsort(np.argsort(drawn)[codes], kind="stable")
        seen = dataset.task == "regression" or set(y[order[within:]]) <= set(y[order[:within]])
        if within and seen:
            break
    if not within:
        raise ValueError(
            f"n_train must hold at least one whole group, got n_train={n_train} and a smallest "
            f"group of {sizes.min()} rows in data set {dataset.name!r}; ask for more rows."
        )
    return order, within


def _check_rows(**counts):
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise TypeError(f"{name} must be a whole number, got {name}={count!r}.")
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {name}={count}.")


def _check_split(dataset, y, n_train):
    stratified = dataset.task == "classification" and not dataset.time_ordered
    least = len(np.unique(y)) if stratified and dataset.groups is None else 1
    if n_train < least:
        raise ValueError(
            f"n_train must be at least {'n_classes' if stratified else 1}, got n_train={n_train} "
            f"({MOST:.0%} of the {len(y)} rows at most) and {least} classes in data set "
            f"{dataset.name!r}; ask for more rows."
        )


def _splitter(dataset, folds, seed):
    from sklearn import model_selection as split

    if dataset.time_ordered:
        return split.TimeSeriesSplit(folds)
    grouped = dataset.groups is not None
    if dataset.task == "classification":
        kind = split.StratifiedGroupKFold if grouped else split.StratifiedKFold
    else:
        kind = split.GroupKFold if grouped else split.KFold
    return kind(folds, shuffle=True, random_state=seed)


def _check_folds(dataset, y, folds):
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer):
        raise TypeError(f"folds must be a whole number, got folds={folds!r}.")
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got folds={folds}.")
    units, most = "n_samples", len(y) - int(dataset.time_ordered)
    if dataset.groups is not None and not dataset.time_ordered:
        units, most = "n_groups", len(np.unique(np.asarray(dataset.groups)))
    elif dataset.task == "classification" and not dataset.time_ordered:
        units, most = "rows of the largest class", int(np.bincount(y).max())
    if folds > most:
        raise ValueError(
            f"folds must be at most {units}, got folds={folds} and {units}={most} in data set "
            f"{dataset.name!r}."
        )
