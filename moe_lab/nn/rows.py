"""Which rows stop training."""

import numpy as np

HELD_OUT = 0.15  # share of the rows
MIN_HELD_OUT = 10  # rows; with fewer, the training loss stops


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
