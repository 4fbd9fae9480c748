"""Which columns the gate listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from moe_lab.inspection.errors import error_name, mean_error, pooled, row_losses, target_of
from moe_lab.table.inputs import read_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["routing_importance", "total_variation"]


def routing_importance(
    mixture: MoERegressor | MoEClassifier,
    X: Table,
    y: ArrayLike | None = None,
    *,
    n_repeats: int = 5,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:
    """Say how much of the routing hangs on each column: permutation importance of the gate.

    A column is permuted for the gate alone; the experts go on reading the true one.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), optional
    n_repeats : int, default=5
        Permutations of each column.
    random_state : int, RandomState or None

    Returns
    -------
    table : DataFrame, one row per column, the most important first
        ``moved``: the fraction of trust that changes hands, which is the mean total-variation
        distance between the gate weights before and after. With y also by how much the pooled error
        rises, as ``rmse_rise`` (unit of y) or ``log_loss_rise`` (nats). Each with the standard
        error of its mean over the permutations, ``moved_se`` and so on.

    References
    ----------
    Breiman (2001), section 10; here for the gate instead of the model.

    Examples
    --------
    >>> from moe_lab import MoERegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.uniform(-1, 1, (300, 2)), columns=["a", "b"])
    >>> y = X["a"].abs() + X["b"] + rng.normal(0, 0.05, 300)
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(X, y)
    >>> routing_importance(moe, X, random_state=0).index.tolist()
    ['a', 'b']
    """
    check_is_fitted(mixture)
    if n_repeats < 2:
        raise ValueError(f"n_repeats must be at least 2, got n_repeats={n_repeats}.")
    X = read_table(mixture, X)
    rng = check_random_state(random_state)
    orders = [rng.permutation(len(X)) for _ in range(n_repeats)]
    gate_weights, rise = mixture.gate_weights(X), _error_rise(mixture, X, y)
    rows = []
    for j in range(X.shape[1]):
        changed = [mixture.gate_weights(X.permuted(j, order)) for order in orders]
        rows.append(_mean_and_se("moved", [total_variation(gate_weights, g) for g in changed]))
        if y is not None:
            rows[j] |= _mean_and_se(f"{error_name(mixture)}_rise", [rise(g) for g in changed])
    table = pd.DataFrame(rows, index=pd.Index(X.names))  # of tuples: a MultiIndex
    table = table.rename_axis("column") if table.index.nlevels == 1 else table
    return table.sort_values("moved", ascending=False, kind="stable")


def total_variation(gate_weights: np.ndarray, others: np.ndarray) -> float:
    """Return the mean over the rows of half the absolute differences: a fraction in 0..1."""
    return float(0.5 * np.abs(gate_weights - others).sum(axis=1).mean())


def _error_rise(mixture, X, y):
    """Return a function of gate weights: how much larger the pooled error is than with the
    mixture's own."""
    if y is None:
        return None
    check_consistent_length(X, y)
    y, predictions = target_of(mixture, y), mixture.expert_predictions(X)

    def error(gate_weights):
        answer = pooled(mixture, predictions, gate_weights, X)
        return float(mean_error(mixture, row_losses(mixture, answer, y)))

    own = error(mixture.gate_weights(X))
    return lambda gate_weights: error(gate_weights) - own


def _mean_and_se(name, draws):
    return {name: np.mean(draws), f"{name}_se": np.std(draws, ddof=1) / np.sqrt(len(draws))}
