"""Bootstrap intervals of the coefficients of linear experts and softmax gates."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from moe_lab.divide.given import Given
from moe_lab.experts.spec import listed
from moe_lab.inspection.coefficients import KEYS, coefficients
from moe_lab.likelihood.numbers import check_number
from moe_lab.progress import progress
from moe_lab.table.inputs import check_target, read_table, weighted_rows
from moe_lab.train.base import as_trainer

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["bootstrap_intervals"]


def bootstrap_intervals(
    mixture: MoERegressor | MoEClassifier,
    X: Table,
    y: Any,
    *,
    n_boot: int = 100,
    level: float = 0.95,
    sample_weight: Any = None,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Say how certain the coefficients of a mixture are.

    Rows are drawn with replacement and keep their weights: a weight says how much a row counts,
    not how often it was seen. Each replicate is trained from the responsibilities of the mixture,
    and its experts are matched to the mixture's by theirs, so that labels do not switch. The
    intervals say nothing of other optima, nor of the choice of ``n_experts``.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
        Of linear experts and a softmax or constant gate, trained by EM.
    X, y, sample_weight : the data of its fit
    n_boot : int, default=100
        Replicates.
    level : float, default=0.95
        Probability of the intervals, which reach from quantile to quantile of the replicates.
    random_state : int, RandomState or None
    n_jobs : int, optional
        Replicates at a time.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    intervals : DataFrame, one row per coefficient
        ``part``, ``output``, ``name`` as in `coefficients`, then ``estimate``, ``lower``,
        ``upper`` and ``standard_error``, in original units. A replicate without some level of a
        category is left out for the coefficient of that level.

    References
    ----------
    Efron & Tibshirani (1993), chapter 13: percentile intervals.

    Examples
    --------
    >>> from moe_lab import MoERegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> y = np.abs(X[:, 0]) + np.random.default_rng(0).normal(0, 0.05, 200)
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(X, y)
    >>> intervals = bootstrap_intervals(moe, X, y, n_boot=20, random_state=0)
    >>> intervals.query("part == 'expert 0'")["name"].tolist()
    ['x0', 'intercept', 'scale']
    """
    estimate = coefficients(mixture)
    start = _start(mixture, n_boot, level)
    X = read_table(mixture, X)
    X, y, weight, _ = weighted_rows(X, check_target(X, y), sample_weight, None)
    trust = mixture.responsibilities(X, y)
    rng = check_random_state(random_state)
    draws = [weight * rng.multinomial(len(y), np.full(len(y), 1 / len(y))) for _ in range(n_boot)]
    answers = Parallel(n_jobs=n_jobs)(
        delayed(_replicate)(start, X, y, trust, drawn)
        for drawn in progress(draws, "bootstrap", verbose)
    )
    _warn_of(answers)
    found = [values for values, _ in answers if values is not None]
    if len(found) < 2:
        raise ValueError(
            f"At least two replicates must keep all experts and classes, got {len(found)} of "
            f"n_boot={n_boot}. Raise n_boot, or use fewer experts."
        )
    return _summary(estimate, found, level)


def _start(mixture, n_boot, level):
    """Return the unfitted mixture of the replicates: one start each."""
    trainer = as_trainer(mixture.train)
    if "n_init" not in trainer.get_params():
        raise ValueError(
            f"The mixture must be trained by EM, got train={mixture.train!r}. Use train='em'."
        )
    check_number("n_boot", n_boot, 2, "at least 2")
    if not (isinstance(level, Real) and 0 < level < 1):
        raise ValueError(f"level must lie between 0 and 1, got level={level!r}.")
    params = {"train": clone(trainer).set_params(n_init=1), "n_jobs": None, "verbose": 0}
    specs = listed(mixture.experts)
    if specs is None:
        params["n_experts"] = mixture.n_experts_
    elif len(specs) != mixture.n_experts_:
        raise ValueError(
            f"All experts must have survived training, got {mixture.n_experts_} of {len(specs)}. "
            "Fit a mixture without the dead ones."
        )
    return clone(mixture).set_params(**params)


def _replicate(start, X, y, trust, drawn):
    """Return the coefficients of one replicate, in the mixture's order, and what it warned of."""
    kept = drawn > 0
    if start._task == "classification" and len(np.unique(y[kept])) < len(np.unique(y)):
        return None, []
    replicate = clone(start).set_params(divide=Given(trust[kept]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        replicate.fit(X.table, y, sample_weight=drawn)
    if replicate.n_experts_ < trust.shape[1]:
        return None, []
    order = linear_sum_assignment(-trust.T @ replicate.responsibilities(X, y))[1]
    warned = [str(one.message) for one in caught if issubclass(one.category, ConvergenceWarning)]
    return coefficients(replicate, order), warned


def _warn_of(answers):
    lost = sum(values is None for values, _ in answers)
    warned = [messages[0] for _, messages in answers if messages]
    if lost:
        warnings.warn(
            f"{lost} of {len(answers)} replicates lost an expert or a class and are left out.",
            ConvergenceWarning,
            stacklevel=3,
        )
    if warned:
        warnings.warn(
            f"{len(warned)} of {len(answers)} replicates warned; the first: {warned[0]}",
            ConvergenceWarning,
            stacklevel=3,
        )


def _summary(estimate, found, level):
    draws = pd.concat([_by_key(one) for one in found], axis=1)
    draws = draws.reindex(_by_key(estimate).index)  # NaN where a replicate lacks a level
    tail = (1 - level) / 2
    return estimate.assign(
        lower=draws.quantile(tail, axis=1).to_numpy(),
        upper=draws.quantile(1 - tail, axis=1).to_numpy(),
        standard_error=draws.std(axis=1).to_numpy(),
    )


def _by_key(table):
    twins = table.groupby(KEYS, sort=False).cumcount()  # a column may be called "intercept" too
    return table.set_index([*KEYS, twins])["estimate"]
