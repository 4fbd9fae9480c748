"""How sharp a softmax gate may be: the C that held-out rows choose."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import clone

from moe_lab.experts.fitting import log_prob_of
from moe_lab.table.folds import make_folds

if TYPE_CHECKING:
    from moe_lab.gate.softmax import SoftmaxGate
    from moe_lab.table.data import TrainingData

LEAST_C = 1 / 31  # where a table leaves each part of a mixture fewer rows than columns
SHARES = (1 / 30, 1 / 3)  # inverse penalties, of the rows: sharper borders the more rows there are
SURE = 2.0  # standard errors by which a sharper gate must be better
LEAST_ROWS = 60  # for each expert, beside those held out


def is_open(gate: Any) -> bool:
    """Say whether a gate leaves its C to the trainer."""
    return isinstance(getattr(gate, "C", None), str) and gate.C == "auto"


def modest_C(n_columns: int, n_rows: float) -> float:
    """Return the C of a gate that reads so many columns, of so many rows for each part: 1, less
    where columns are about as many as rows and a border could be drawn anywhere.

    Examples
    --------
    >>> [round(modest_C(n_columns, 100), 3) for n_columns in (10, 50, 100, 200)]
    [0.997, 0.348, 0.032, 0.032]
    """
    crowding = min(n_columns / n_rows, 1.0)
    return 1 / (1 + (1 / LEAST_C - 1) * crowding**4)


def chosen_C(
    train: Callable,
    data: TrainingData,
    gate: SoftmaxGate,
    trust: np.ndarray,
    cv: int,
    modest: float = 1.0,
) -> float:
    """Return the inverse penalty of least held-out loss; the modest one unless another is clearly
    better.

    Parameters
    ----------
    train : callable
        From data, an unfitted gate and responsibilities to start from to a Trained.
    data : TrainingData
    gate : SoftmaxGate
    trust : ndarray of shape (n_samples, n_experts)
        The responsibilities of the mixture whose gate has the modest C.
    cv : int
        The last of so many folds is held out.
    modest : float, default=1.0
    """
    settings: dict = {"task": data.task, "groups": data.groups, "rows": data.rows}
    folds = make_folds(data.y, cv=cv, **settings)
    if not folds or len(folds[-1][0]) < LEAST_ROWS * trust.shape[1]:
        return modest
    known, held_out = folds[-1]
    part, test = data.take(known), data.take(held_out)
    losses = []
    for share in (None, *SHARES):
        C = modest if share is None else max(modest, share * part.sample_weight.sum())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit to all rows has told what there is to tell
            trained = train(part, clone(gate).set_params(C=C), trust[known])
        losses.append(_losses(trained, test))
    by_share = np.column_stack(losses)
    share = test.sample_weight / test.sample_weight.sum()
    gains = by_share[:, :1] - by_share[:, 1:]
    best = int((share @ gains).argmax())
    gain = share @ gains[:, best]
    error = np.sqrt(np.sum((share * (gains[:, best] - gain)) ** 2))
    if not gain > SURE * error:
        return modest
    return max(modest, SHARES[best] * data.sample_weight.sum())


def _losses(trained, data):
    log_lik = [log_prob_of(expert, data.X, data.y) for expert in trained.experts]
    return -logsumexp(trained.gate.log_proba(data.X) + np.column_stack(log_lik), axis=1)
