"""How many experts: information criteria and the out-of-fold likelihood, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from moe_lab.experts.powers import CountsParameters
from moe_lab.experts.spec import listed
from moe_lab.inspection.growing import grown
from moe_lab.likelihood.outcome import noise_floor
from moe_lab.plots.style import colors, new_figure
from moe_lab.progress import progress
from moe_lab.registry.powers import has_power
from moe_lab.table import rows_of
from moe_lab.table.folds import make_folds, warn_of_order
from moe_lab.table.inputs import (
    check_table,
    check_target,
    read_table,
    rows_of_weight,
    weighted_rows,
)
from moe_lab.train.base import as_trainer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["CRITERIA", "Selection", "select_n_experts"]

CRITERIA = {"aic": "AIC", "bic": "BIC", "icl": "ICL", "out_of_fold": "out-of-fold log-likelihood"}


@dataclass
class Selection:
    """What mixtures of different sizes reach.

    Attributes
    ----------
    table : DataFrame, one row per n_experts
        ``log_likelihood`` (nats), ``df`` (free parameters), ``aic``, ``bic``, ``icl`` (lower is
        better; NaN where a part has no ``n_parameters_``), ``out_of_fold`` (mean log-likelihood of
        a row that was not seen, in nats; higher is better), ``n_experts_`` (those that are left
        after training), ``smallest_share`` (mean gate weight of the least trusted one: near 0, it
        may have caught a few rows that happen to lie on a line), ``noise_at_floor`` (a noise scale
        stopped at its least value, on all rows or without a fold), ``spikes`` (for some experts
        only, or where y repeats few values: the likelihood is too good to be true).
    criterion : {"aic", "bic", "icl", "out_of_fold"}
    mixtures : dict from n_experts to the mixture fitted to all rows
    """

    table: pd.DataFrame
    criterion: str
    mixtures: dict = field(repr=False)

    @property
    def best(self) -> int:
        """The number of experts that the criterion picks, of those without spikes if there are
        any."""
        return self._best_by(self.criterion)

    @property
    def best_mixture(self) -> MoERegressor | MoEClassifier:
        """The mixture of that size, fitted to all rows."""
        return self.mixtures[self.best]

    def _best_by(self, criterion):
        sound = ~self.table["spikes"]
        scores = self.table.loc[sound if sound.any() else slice(None), criterion]
        return int(scores.idxmax() if criterion == "out_of_fold" else scores.idxmin())

    def _known(self):
        return [name for name in CRITERIA if self.table[name].notna().all()]

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the criteria against the number of experts; lower is better, a star is the best.

        The out-of-fold log-likelihood is drawn as a deviance, -2 n times its mean: AIC estimates
        the same.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        figure : matplotlib Figure
        """
        ax = new_figure(width=6.0)[1][0] if ax is None else ax
        for name, color in zip(CRITERIA, colors(len(CRITERIA)), strict=True):
            if name in self._known():
                best, line = self._best_by(name), self.table[name]
                if name == "out_of_fold":
                    line = -2 * self.table.attrs["n_samples"] * line
                label = "out-of-fold deviance" if name == "out_of_fold" else CRITERIA[name]
                ax.plot(line.index, line, "o-", color=color, label=label, markersize=4)
                ax.plot(best, line[best], "*", color=color, markersize=14)
        ax.set(xlabel="number of experts", ylabel="criterion (lower is better)")
        ax.set_xticks(self.table.index)
        ax.grid(alpha=0.3)
        ax.legend(title="star: best", frameon=False)
        return ax.figure

    def _repr_html_(self):
        style = self.table.style.format(precision=2, na_rep="-")
        style = style.format("{:.4f}", subset=["out_of_fold", "smallest_share"])
        for name in self._known():
            rows = pd.IndexSlice[[self._best_by(name)], [name]]
            style = style.set_properties(subset=rows, **{"font-weight": "bold"})
        spikes = ", ".join(map(str, self.table.index[self.table["spikes"]]))
        skipped = f"; not {spikes}, whose experts sit on single values of y" if spikes else ""
        return style.set_caption(
            f"{CRITERIA[self.criterion]} picks n_experts={self.best}{skipped}; bold: best of its "
            "column"
        ).to_html()


def select_n_experts(
    estimator: MoERegressor | MoEClassifier,
    X: Table,
    y: Any,
    n_experts: Iterable[int] = range(1, 6),
    *,
    criterion: str = "bic",
    cv: Any = 3,
    sample_weight: Any = None,
    groups: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Selection:
    """Fit mixtures of several sizes and say which is best.

    Parameters
    ----------
    estimator : MoERegressor or MoEClassifier
        Of one kind of expert; it is cloned for each number of experts.
    X : DataFrame or array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    n_experts : iterable of int, default=range(1, 6)
    criterion : {"bic", "aic", "icl", "out_of_fold"}, default="bic"
        The first three need experts and a gate that count their parameters (linear ones do, and
        count penalised parameters in full).
    cv : int, splitter or list of splits, default=3
        Folds of the out-of-fold log-likelihood.
    sample_weight : array-like of shape (n_samples,), optional
        A row of weight 2 counts as two rows, in the criteria too.
    groups : array-like of shape (n_samples,), optional
        Rows of one group are held out together.
    n_jobs : int, optional
        Fits at a time; there is one for each number of experts and fold, and one on all rows.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    selection : Selection
        Its ``best`` is the number, its ``table`` the evidence, its ``best_mixture`` fitted.

    References
    ----------
    Schwarz (1978) for BIC; Biernacki, Celeux & Govaert (2000) for ICL.

    Examples
    --------
    >>> from moe_lab import MoERegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (200, 1))
    >>> y = np.abs(X[:, 0]) + rng.normal(0, 0.05, 200)
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    >>> select_n_experts(moe, X, y, [1, 2], cv=2).best
    2
    """
    numbers = _checked_numbers(estimator, n_experts, criterion)
    X = check_table(clone(estimator), X, reset=True)
    X, y, weight, groups = weighted_rows(X, check_target(X, y), sample_weight, groups)
    rows = rows_of_weight(sample_weight)
    folds = _checked_folds(y, estimator._task, cv, groups, rows, max(numbers))
    everything = np.arange(len(y)), None
    jobs = [(k, *part) for part in (everything, *folds) for k in numbers]
    data = X, y, None if sample_weight is None else weight, groups
    answers = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_score)(estimator, data, *job, criterion)
        for job in progress(jobs, "numbers of experts", verbose)
    )
    _warn_of([message for _, messages in answers for message in messages[:1]], len(jobs))
    answers = [answer for answer, _ in answers]
    answers[: len(numbers)] = _rising(estimator, answers[: len(numbers)], numbers, data)
    table, mixtures = _collected(jobs, answers, y, weight)
    return Selection(table, criterion, mixtures)


def _checked_numbers(estimator, n_experts, criterion):
    if criterion not in CRITERIA:
        known = ", ".join(map(repr, CRITERIA))
        raise ValueError(f"criterion must be one of {known}, got {criterion!r}.")
    if "n_experts" not in estimator.get_params(deep=False):
        raise TypeError(f"estimator must be MoERegressor or MoEClassifier, got {estimator!r}.")
    if listed(estimator.experts) is not None:
        raise ValueError(
            f"experts must be one expert to be copied, got experts={estimator.experts!r}. "
            "Pass experts='linear', say."
        )
    numbers = [n_experts] if np.ndim(n_experts) == 0 else sorted(set(n_experts))
    if not numbers or not all(isinstance(k, int | np.integer) and k >= 1 for k in numbers):
        raise ValueError(f"n_experts must hold integers of at least 1, got {n_experts!r}.")
    return [int(k) for k in numbers]


def _checked_folds(y, task, cv, groups, rows, most):
    folds = make_folds(y, task=task, cv=cv, groups=groups, rows=rows)
    if not folds:
        raise ValueError(
            "The out-of-fold log-likelihood needs two folds, got too few rows or groups "
            f"(rows: {len(y)})."
        )
    warn_of_order(y, folds, task=task, cv=cv, groups=groups)
    fewest = min(len(train) for train, _ in folds)
    if most > fewest:
        raise ValueError(
            f"n_experts must be at most the rows that a fold trains on, got n_experts={most} and "
            f"{fewest} rows."
        )
    if task == "classification":
        for train, test in folds:
            unseen = sorted(set(y[test].tolist()) - set(y[train].tolist()), key=str)
            if unseen:
                raise ValueError(
                    f"Every class must be in the training rows of every fold, got {unseen} only in "
                    "one fold's test rows. Drop or merge these classes, or change groups."
                )
    return folds


def _fit_and_score(estimator, data, n_experts, train, test, criterion):
    """Fit to the rows ``train``; score the rows ``test``, or where None, describe the mixture."""
    X, y, weight, groups = data
    mixture = clone(estimator).set_params(n_experts=n_experts)
    parts = [None if part is None else part[train] for part in (weight, groups)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        mixture.fit(rows_of(X, train), y[train], *parts)
    warned = [f"{n_experts} experts: {warning.message}" for warning in caught]
    floors = _at_floor(mixture, y[train], None if weight is None else weight[train])
    if test is not None:
        return (mixture.score_samples(rows_of(X, test), y[test]), floors), warned
    if criterion != "out_of_fold":
        mixture.n_parameters_  # noqa: B018 - an error here spares the other fits
    weight = np.ones(len(y)) if weight is None else weight
    return (mixture, _described(mixture, X, y, weight), floors), warned


def _rising(estimator, answers, numbers, data):
    """Grow mixtures from smaller ones where more experts explain less: their starts were poor."""
    X, y, weight, _ = data
    best, rising = None, []
    for n_experts, answer in zip(numbers, answers, strict=True):
        if best is not None and answer[1]["log_likelihood"] < best[1]["log_likelihood"]:
            for mixture in grown(estimator, best[0], n_experts, data):
                floors = _at_floor(mixture, y, weight)
                every = np.ones(len(y)) if weight is None else weight
                other = mixture, _described(mixture, X, y, every), floors
                answer = max(answer, other, key=lambda one: one[1]["log_likelihood"])
        best = max(best or answer, answer, key=lambda one: one[1]["log_likelihood"])
        rising.append(answer)
    return rising


def _warn_of(warned, n_fits):
    if warned:
        warnings.warn(
            f"{len(warned)} of {n_fits} fits warned; the first, of {warned[0]}",
            ConvergenceWarning,
            stacklevel=3,
        )


def _described(mixture, X, y, weight):
    X, counted = read_table(mixture, X), has_power(mixture, CountsParameters)
    information = {name: getattr(mixture, name) for name in ("aic", "bic", "icl")}
    return {
        "log_likelihood": mixture.log_likelihood(X, y, weight),
        "df": mixture.n_parameters_ if counted else np.nan,
        **{name: of(X, y, weight) if counted else np.nan for name, of in information.items()},
        "out_of_fold": np.nan,
        "n_experts_": mixture.n_experts_,
        "smallest_share": np.average(mixture.gate_weights(X), axis=0, weights=weight).min(),
    }


def _at_floor(mixture, y, weight):
    """Say of each expert whether its noise scale is at its least value."""
    least = getattr(as_trainer(mixture.train), "min_scale", None)
    if mixture.scales_ is None or least is None:
        return np.zeros(mixture.n_experts_, dtype=bool)
    weight = np.ones(len(y)) if weight is None else weight
    return mixture.scales_ <= 1.001 * noise_floor(y, weight, least)


def _collected(jobs, answers, y, weight):
    rows, mixtures, out_of_fold, floors = {}, {}, {}, {}
    for (k, _, test), answer in zip(jobs, answers, strict=True):
        floors.setdefault(k, []).append(answer[-1])
        if test is None:
            mixtures[k], rows[k] = answer[:2]
            out_of_fold[k] = np.empty(len(y))
        else:
            out_of_fold[k][test] = answer[0]
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("n_experts")
    table["out_of_fold"] = [np.average(out_of_fold[k], weights=weight) for k in table.index]
    table["noise_at_floor"] = [any(one.any() for one in floors[k]) for k in table.index]
    repeats = len(np.unique(y)) < len(y) / 2
    table["spikes"] = [any(_spikes(one, repeats) for one in floors[k]) for k in table.index]
    table.attrs["n_samples"] = weight.sum()
    return table, mixtures


def _spikes(at_floor, repeats):
    """Say whether experts sit on single values of y; where y hardly repeats and all of them are at
    the floor, there is no noise."""
    return bool(at_floor.any() and (repeats or not at_floor.all()))
