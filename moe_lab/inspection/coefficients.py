"""Coefficients of linear experts and softmax gates, in the units of the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from moe_lab.experts.powers import Parametric
from moe_lab.mixture.names import expert_names
from moe_lab.registry.powers import has_power

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor

__all__ = ["KEYS", "coefficients"]

KEYS = ["part", "output", "name"]


def coefficients(
    mixture: MoERegressor | MoEClassifier, order: Sequence[int] | None = None
) -> pd.DataFrame:
    """Return the coefficients of linear experts and of a softmax gate in the columns' own units.

    Softmax coefficients are relative to the mean over all outputs (they sum to 0): the difference
    between two experts' rows is that of their log gate weights per unit of the column.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    order : sequence of int, optional
        The experts to be named 0, 1, ...; default: their own order.

    Returns
    -------
    table : DataFrame with columns part, output, name, estimate
        ``part`` is an expert's name or "gate"; ``output`` is what the coefficient moves: "y", a
        class, or for the gate an expert; ``name`` is a column of the (one-hot) table, "intercept"
        or "scale" (the noise's standard deviation, in the unit of y).

    Raises
    ------
    ValueError
        If a part has no coefficients.
    """
    check_is_fitted(mixture)
    order = range(mixture.n_experts_) if order is None else order
    experts = expert_names(mixture)
    rows = []
    for name, k in zip(experts, order, strict=True):
        rows += [(name, *row) for row in _of_expert(mixture, mixture.experts_[k], name)]
    columns, coef = _of_gate(mixture.gate_)
    rows += [("gate", *row) for row in _softmax_rows(columns, coef[:, list(order)], experts)]
    return pd.DataFrame(rows, columns=[*KEYS, "estimate"])


def _of_expert(mixture, expert, name):
    table, model = getattr(expert, "table_", None), getattr(expert, "model_", None)
    coef = getattr(model, "coef_", None)
    if coef is None or not hasattr(table, "mean_") or not has_power(model, Parametric):
        raise ValueError(
            f"Every expert must be linear, got {name} ({type(model or expert).__name__}). "
            "Use experts='linear'."
        )
    if mixture._task == "classification":
        return _softmax_rows(*_unscaled(table, coef), mixture.classes_)
    columns, coef = _unscaled(table, np.append(coef, model.intercept_)[:, None])
    rows = [("y", *row) for row in zip(columns, coef[:, 0], strict=True)]
    return [*rows, ("y", "scale", model.scale_)]


def _of_gate(gate):
    coef, table = getattr(gate, "coef_", None), getattr(gate, "table_", None)
    if coef is not None and hasattr(table, "mean_"):
        return _unscaled(table, coef)
    if coef is not None and len(coef) == 1:
        return ["intercept"], coef
    raise ValueError(
        f"The gate must be a softmax of the columns, got {type(gate).__name__}. Use gate='softmax'."
    )


def _unscaled(table, coef):
    """Undo the standardisation of a numeric table; coef is (n_columns + 1, n_outputs)."""
    names, coef = [*table.get_feature_names_out(), "intercept"], np.array(coef)
    if table.scale:
        numbers = slice(len(table.mean_))  # the numbers come first, then flags and levels
        coef[numbers] /= table.scale_[:, None]
        coef[-1] -= table.mean_ @ coef[numbers]
    return names, coef


def _softmax_rows(names, coef, outputs):
    coef = coef - coef.mean(axis=1, keepdims=True)
    return [
        (output, name, coef[j, k])
        for k, output in enumerate(outputs)
        for j, name in enumerate(names)
    ]
