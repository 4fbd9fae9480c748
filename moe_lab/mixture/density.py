"""Mixtures of mixtures: what the experts say of y becomes one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from moe_lab.experts.fitting import predict_expert
from moe_lab.experts.powers import HasScale, PredictsDistribution
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.registry.powers import has_power
from moe_lab.table import given_to

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

TINY = np.finfo(float).tiny  # an expert that fits a constant y has no noise at all


def mix(weights: np.ndarray, parts: Sequence[MixtureDistribution | None]) -> MixtureDistribution:
    """Mix distributions: the components of all parts, each weighted by its part's weight too.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_parts)
        Each row sums to 1.
    parts : list of MixtureDistribution or None
        Part k has a row for every positive ``weights[:, k]``, in their order; None: there is none.

    Returns
    -------
    mixture : MixtureDistribution

    Examples
    --------
    >>> two = MixtureDistribution([[0.5, 0.5]], [[-1.0, 1.0]], 0.5)
    >>> one = MixtureDistribution([[1.0]], [[4.0]], 2.0)
    >>> mix(np.array([[0.8, 0.2]]), [two, one]).weights
    array([[0.4, 0.4, 0.2]])
    """
    columns = []
    for k, part in enumerate(parts):
        if part is None:
            continue
        rows = np.flatnonzero(weights[:, k] > 0)
        column = np.zeros((3, len(weights), part.weights.shape[1]))
        column[0, rows] = weights[rows, k, None] * part.weights
        column[1, rows], column[2, rows] = part.means, part.scales
        columns.append(column)
    return MixtureDistribution(*np.concatenate(columns, axis=2))


def expert_distribution(
    expert: Any, X: Table | Reading, scale: float = np.nan
) -> MixtureDistribution:
    """Return what a fitted expert says of y: its own distribution, or a Gaussian around its mean.

    An expert whose ``predict`` takes ``return_std`` says how wide, for each row; what it was seen
    to miss by is the least.

    Parameters
    ----------
    expert : fitted regressor
    X : Reading, DataFrame or ndarray of shape (n_samples, n_features)
    scale : float, optional
        Its noise standard deviation, in the unit of y; NaN: its own ``scale_``.

    Returns
    -------
    distribution : MixtureDistribution
    """
    if has_power(expert, PredictsDistribution):
        return expert.predict_distribution(given_to(expert, X))
    if np.isnan(scale) and has_power(expert, HasScale):
        scale = expert.scale_
    if np.isnan(scale):
        raise ValueError(
            f"An expert of a predictive distribution must have a noise scale, got none for "
            f"{expert!r}. Give it scale_ or predict_distribution, or use train='out_of_fold'."
        )
    means = predict_expert(expert, X)
    scales: float | np.ndarray = max(scale, TINY)
    if says_std(expert):
        scales = np.maximum(
            scales, np.reshape(expert.predict(given_to(expert, X), return_std=True)[1], (-1, 1))
        )
    return MixtureDistribution(np.ones(means.shape), means, scales)


def says_std(expert: Any) -> bool:
    """Say whether a fitted expert's ``predict`` takes ``return_std``."""
    model = getattr(expert, "model_", expert)
    model = model[-1] if isinstance(model, Pipeline) else model
    return "return_std" in signature(model.predict).parameters
