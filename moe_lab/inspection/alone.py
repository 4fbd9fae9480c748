"""One expert alone: what the experts of a divided task are held against."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning

from moe_lab.experts.spec import listed
from moe_lab.inspection.errors import row_losses
from moe_lab.table import rows_of
from moe_lab.table.folds import make_folds
from moe_lab.train.base import as_trainer

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

FOLDS = 10  # by which it is cross-fitted where the training rows are not given


def sees_parts(mixture: MoERegressor | MoEClassifier) -> bool:
    """Say whether each expert was fitted to its part of the rows, not to all of them."""
    return mixture.n_experts_ > 1 and (
        mixture.divide is not None or not as_trainer(mixture.train).stacks
    )


def losses_alone(
    mixture: MoERegressor | MoEClassifier,
    X: Table | Reading,
    y: np.ndarray,
    weight: np.ndarray,
    train: tuple | None = None,
) -> np.ndarray:
    """Return the losses of one expert fitted to all rows, (n_samples,); of several kinds, the best.

    Parameters
    ----------
    mixture : fitted mixture
    X, y, weight : rows that it did not see
        X a Reading, y as from `target_of`.
    train : (X, y, weight) or None
        Such rows to fit to; None: each row's expert is fitted to other folds of ``X``.
    """
    losses = [
        row_losses(mixture, _answers(mixture, one, X, y, weight, train), y)
        for one in _kinds(mixture)
    ]
    return min(losses, key=lambda one: np.average(one, weights=weight))


def _kinds(mixture):
    """Return the unfitted mixture with one expert, of each kind once."""
    gate = "auto" if isinstance(mixture.gate, str) and mixture.gate == "auto" else "constant"
    alone = clone(mixture).set_params(
        divide=None, gate=gate, pool="linear", n_experts=1, time_limit=None, verbose=0
    )
    specs = listed(mixture.experts, mixture._task)
    if specs is None:
        return [alone]
    distinct = {repr(spec): spec for spec in specs}.values()
    return [clone(alone).set_params(experts=spec) for spec in distinct]


def _answers(mixture, alone, X, y, weight, train):
    """Return what it says of each row, (n_samples, n_outputs)."""
    if train is not None:
        return _fitted(mixture, alone, *train, X)
    n_outputs = len(mixture.classes_) if is_classifier(mixture) else 1
    answers = np.empty((len(y), n_outputs))
    for known, asked in make_folds(y, task=mixture._task, cv=FOLDS):
        rows = rows_of(X, known), y[known], weight[known]
        answers[asked] = _fitted(mixture, alone, *rows, rows_of(X, asked))
    return answers


def _fitted(mixture, alone, X, y, weight, asked):
    X, asked = X.table, asked.table  # as they came
    with warnings.catch_warnings():  # a control need not be reported on
        warnings.simplefilter("ignore", ConvergenceWarning)
        if not is_classifier(mixture):
            return clone(alone).fit(X, y, sample_weight=weight).predict(asked)[:, None]
        answers = np.zeros((len(asked), len(mixture.classes_)))
        seen = np.unique(y)
        if len(seen) == 1:
            answers[:, seen] = 1.0
        else:
            model = clone(alone).fit(X, np.searchsorted(seen, y), sample_weight=weight)
            answers[:, seen] = model.predict_proba(asked)
        return answers
