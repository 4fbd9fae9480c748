"""Who is trusted how often, how surely, and with what error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import entr
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from moe_lab.inspection.errors import error_name, mean_error, pooled, row_losses, target_of
from moe_lab.mixture.names import expert_names
from moe_lab.table.inputs import read_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["error_by_region", "gate_entropy", "usage"]


def usage(
    mixture: MoERegressor | MoEClassifier, X: Table, sample_weight: ArrayLike | None = None
) -> pd.DataFrame:
    """Say how much each expert is used.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or array-like of shape (n_samples, n_features)
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    table : DataFrame, one row per expert, by its name
        ``mean_weight`` (mean gate weight; sums to 1), ``most_trusted`` (fraction of the rows where
        it has the largest weight; sums to 1), ``effective_size`` (rows that its weights are worth,
        (sum w)^2 / sum w^2).

    Examples
    --------
    >>> from moe_lab import MoERegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    >>> y = np.abs(X[:, 0]) + np.random.default_rng(0).normal(0, 0.05, 200)
    >>> usage(moe.fit(X, y), X)["most_trusted"].round(1).tolist()
    [0.5, 0.5]
    """
    check_is_fitted(mixture)
    gate_weights = mixture.gate_weights(X)
    n_samples, n_experts = gate_weights.shape
    weight = np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight, float)
    check_consistent_length(gate_weights, weight)
    part = gate_weights * weight[:, None]
    most = np.bincount(gate_weights.argmax(axis=1), weights=weight, minlength=n_experts)
    with np.errstate(invalid="ignore"):  # 0 / 0: never trusted
        size = np.nan_to_num(part.sum(axis=0) ** 2 / (part**2).sum(axis=0))
    table = {
        "mean_weight": part.sum(axis=0) / weight.sum(),
        "most_trusted": most / weight.sum(),
        "effective_size": size,
    }
    return pd.DataFrame(table, index=expert_names(mixture))


def gate_entropy(mixture: MoERegressor | MoEClassifier, X: Table) -> np.ndarray:
    """Say how undecided the gate is about each row.

    Returns
    -------
    entropy : ndarray of shape (n_samples,)
        In nats: 0 where one expert has all the trust, log n_experts where all have the same.
    """
    check_is_fitted(mixture)
    return entr(mixture.gate_weights(X)).sum(axis=1)


def error_by_region(mixture: MoERegressor | MoEClassifier, X: Table, y: ArrayLike) -> pd.DataFrame:
    """Hold every expert against the others, region by region.

    A region is the rows where one expert is the most trusted. Where another expert has a smaller
    error there, the gate trusts the wrong one; where the pooled error is smaller than all, pooling
    pays.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or array-like of shape (n_samples, n_features)
        Best rows that were not seen in training.
    y : array-like of shape (n_samples,)

    Returns
    -------
    table : DataFrame, one row per region, and one for all rows
        ``n_samples``, ``pooled`` and each expert's error: the root mean squared error in the unit
        of y, or the log-loss in nats (``table.columns.name`` says which). NaN in an empty region.
    """
    check_is_fitted(mixture)
    X = read_table(mixture, X)
    gate_weights, predictions = mixture.gate_weights(X), mixture.expert_predictions(X)
    check_consistent_length(gate_weights, y)
    y = target_of(mixture, y)
    answers = np.concatenate(
        [pooled(mixture, predictions, gate_weights, X)[:, None], predictions], axis=1
    )
    losses = row_losses(mixture, answers, y)  # (n_samples, 1 + n_experts)
    names = expert_names(mixture)
    most = gate_weights.argmax(axis=1)
    regions = {f"trusts {name} most": most == k for k, name in enumerate(names)}
    regions["all rows"] = np.full(len(y), True)
    empty = np.full(losses.shape[1], np.nan)
    table = pd.DataFrame(
        [mean_error(mixture, losses[rows]) if rows.any() else empty for rows in regions.values()],
        index=list(regions),
        columns=["pooled", *names],
    )
    table.insert(0, "n_samples", [int(rows.sum()) for rows in regions.values()])
    return table.rename_axis(columns=error_name(mixture))
