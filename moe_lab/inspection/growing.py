"""More experts that explain no less: a mixture grown from a smaller one."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.divide.given import Given
from moe_lab.train.base import as_trainer
from moe_lab.train.em import EM

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor

TRIES = 3  # ways of halving an expert


def grown(
    estimator: MoERegressor | MoEClassifier,
    smaller: MoERegressor | MoEClassifier,
    n_experts: int,
    data: tuple,
) -> list:
    """Fit mixtures that start from a smaller one, whose largest experts are halved.

    One such start has the likelihood of the smaller mixture; EM goes on from there.

    Parameters
    ----------
    estimator : MoERegressor or MoEClassifier
        Unfitted.
    smaller : its clone, fitted with fewer experts
    n_experts : int
    data : tuple
        X, y, sample_weight, groups.

    Returns
    -------
    mixtures : list of fitted mixtures
        Empty for a trainer other than EM, which alone climbs from where it is put.
    """
    trainer = as_trainer(estimator.train)
    if not isinstance(trainer, EM):
        return []
    X, y, *rest = data
    parts = smaller.responsibilities(X, y)
    rng, mixtures = np.random.default_rng(0), []
    for _ in range(TRIES):
        start = parts
        while start.shape[1] < n_experts:
            start = _with_largest_halved(start, rng)
        settings = {"divide": Given(start), "train": clone(trainer).set_params(n_init=1)}
        mixture = clone(estimator).set_params(n_experts=n_experts, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(X, y, *rest)
        mixtures.append(mixture.set_params(divide=estimator.divide, train=estimator.train))
    return mixtures


def _with_largest_halved(parts, rng):
    largest = parts.sum(axis=0).argmax()
    share = rng.uniform(size=len(parts)) < 0.5
    halves = parts[:, [largest]] * np.column_stack([share, ~share])
    return np.column_stack([np.delete(parts, largest, axis=1), halves])
