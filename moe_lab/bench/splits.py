"""Which rows are held out: the same folds for every method."""

import numpy as np


def make_splits(dataset, y, *, folds, seed):
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
