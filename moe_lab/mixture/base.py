"""What a mixture of experts does with its rows: divide, experts, gate, pool."""

import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from moe_lab.device import resolve_device
from moe_lab.divide.base import Divider, as_divider
from moe_lab.experts.base import is_stacker
from moe_lab.experts.names import label, names_of, numbered
from moe_lab.experts.spec import as_experts, build_experts, listed
from moe_lab.gate.base import Gate, as_gate
from moe_lab.gate.powers import ReadsPredictions
from moe_lab.mixture.asking import TrustAndLikelihood
from moe_lab.mixture.criteria import InformationCriteria
from moe_lab.mixture.exploring import Explores
from moe_lab.mixture.named import NamesExperts
from moe_lab.mixture.names import expert_names
from moe_lab.mixture.summary import Summarises
from moe_lab.mixture.trust import ExplainsAnswers
from moe_lab.pool.base import Pooler, as_pooler
from moe_lab.pool.powers import Learns
from moe_lab.registry.powers import has_power
from moe_lab.saving.saves import Saves
from moe_lab.table.forms import Table
from moe_lab.table.inputs import (
    TakesTables,
    check_table,
    check_target,
    read_training,
    rows_of_weight,
    warn_of_light_weights,
    weighted_rows,
)
from moe_lab.train.base import Asked, Interrupted, Trainer, TrainingData, as_trainer, is_auto


class MixtureOfExperts(
    NamesExperts,
    TrustAndLikelihood,
    ExplainsAnswers,
    Explores,
    Summarises,
    InformationCriteria,
    TakesTables,
    Saves,
    BaseEstimator,
):
    """What classification and regression share."""

    def __init__(
        self,
        experts: Any = "auto",
        n_experts: int | None = None,
        *,
        divide: str | tuple[str, dict] | Divider | None = None,
        gate: str | tuple[str, dict] | Gate = "auto",
        pool: str | tuple[str, dict] | Pooler = "auto",
        train: str | tuple[str, dict] | Trainer = "out_of_fold",
        preset: str = "default",
        time_limit: float | None = None,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.experts = experts
        self.n_experts = n_experts
        self.divide = divide
        self.gate = gate
        self.pool = pool
        self.train = train
        self.preset = preset
        self.time_limit = time_limit
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Table,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Divide the task, train experts and gate together.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Numbers, categories, strings, dates, missing values; no infinite numbers. A frame of
            pandas, polars, pyarrow or another library that narwhals knows; rows as lists.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative. A weight counts as so many rows: 2 as the row twice, 0 as if it were
            absent, and their sum as the number of rows, against which penalties and priors are
            held. Divide shares, or weights of another unit, by their mean.
        groups : array-like of shape (n_samples,), optional
            Rows of one group are held out together.

        Returns
        -------
        self : estimator

        Notes
        -----
        Ctrl-C ends EM, boosting and gradient descent with the best so far. Under a progress bar
        (``verbose=1``) a warning says so; without one the interrupt goes on, so that it stops a
        script, and the mixture is fitted all the same.
        """
        trainer, experts, parts = self._prepared(X, y, sample_weight, groups)
        interrupted = ""
        try:
            with self._watched(experts):
                trained = trainer.train(**parts)
        except Interrupted as error:
            trained, interrupted = error.trained, str(error)
        self._keep(trained, experts)
        self._warn_of_floors(trained.at_floor)
        if interrupted and not self.verbose:
            raise KeyboardInterrupt(interrupted)
        if interrupted:
            warnings.warn(interrupted, ConvergenceWarning, stacklevel=2)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "experts_")  # what fit learns before of the table does not suffice

    def estimate(
        self,
        X: Table,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> pd.Series:
        """Tell what ``fit`` will cost, from fits of few rows, which take some seconds.

        Parameters
        ----------
        X, y, sample_weight, groups
            As in ``fit``.

        Returns
        -------
        seconds : Series of shape (n_plain_experts,)
            Of each expert in all folds and its refit, in one process; NaN where its trial fails.
            Stackers and gate, which add a few percent, are not among them.

        Raises
        ------
        ValueError
            If the trainer cannot tell, as others than "out_of_fold".

        Examples
        --------
        >>> import numpy as np
        >>> from moe_lab import MoERegressor
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> MoERegressor(["linear", "lightgbm"]).estimate(X, X[:, 0]).index.tolist()
        ['linear', 'lightgbm']
        """
        trainer, _, parts = clone(self)._prepared(X, y, sample_weight, groups)
        return trainer.estimate(**parts)

    def _prepared(self, X, y, sample_weight, groups):
        """Return the trainer, the experts as asked for, and what the trainer is told."""
        data, trainer = self._data(X, y, sample_weight, groups), as_trainer(self.train)
        asked = self._asked_for(trainer, len(data))
        divide, n_experts = self._divide(data, asked)
        experts = as_experts(asked.experts, self._task, n_experts)
        gate, pooler = self._gate(asked.gate), as_pooler(asked.pool, self._task)
        _check_number(experts, len(data))
        _check_stackers(pooler, gate, experts, trainer, self.divide)
        _check_learns(pooler, experts, trainer)
        if trainer.counts_rows:
            warn_of_light_weights(data.sample_weight, len(experts))
        n_seeds = len(experts) + 2 * trainer.stacks  # of gate and pool
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=n_seeds).tolist()
        return (
            trainer,
            experts,
            {
                "data": replace(data, X=data.for_(trainer)),
                "experts": self._build(experts, seeds[: len(experts)]),
                "gate": gate,
                "pool": pooler,
                "divide": divide,
                "seeds": seeds,
                "n_jobs": self.n_jobs,
                "verbose": self.verbose,
                **self._limits(trainer, experts),
            },
        )

    def _warn_of_floors(self, at_floor):
        if at_floor:
            names = expert_names(self)
            warnings.warn(
                f"The noise scale of {' and '.join(names[k] for k in at_floor)} is at its floor, "
                f"{self.scales_[at_floor[0]]:.3g}: its rows are fitted without error, and the "
                "likelihood depends on the floor. Where y repeats a value or an expert has few "
                "rows, use fewer experts or a stronger penalty; where y has so little noise, a "
                "smaller min_scale.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _data(self, X, y, sample_weight, groups):
        X = check_table(self, X, reset=True)
        y = check_target(X, y)
        sample_weight = self._weighted(y, sample_weight)
        X, y, weight, groups = weighted_rows(X, y, sample_weight, groups)
        X, y = read_training(self, X), self._encode_target(y)  # which learns the classes
        rows = rows_of_weight(sample_weight)
        return TrainingData(X, y, weight, groups, self._task, self._n_classes, rows)

    def _weighted(self, y, sample_weight):
        """Return the weights of the rows, with those of the classes where there are any."""
        return sample_weight

    def _asked_for(self, trainer, n_samples):
        """Return what the mixture is to be made of, with what "auto" leaves to the trainer."""
        self._check_names()
        asked = Asked(self.experts, self.n_experts, self.gate, self.pool, self.preset)
        n_experts = asked.n_experts
        if n_experts is not None and not (isinstance(n_experts, Integral) and n_experts >= 1):
            raise ValueError(f"n_experts must be a whole number, 1 or more, got {n_experts!r}.")
        table = {"task": self._task, "n_samples": n_samples, "n_classes": self._n_classes}
        divided = self.divide is not None
        return trainer.auto(asked, **table, divided=divided, time_limit=self.time_limit)

    def _gate(self, gate):
        gate = as_gate(gate)
        if gate.get_params().get("device") == "auto":
            gate = clone(gate).set_params(device=resolve_device(self.device))
        return gate

    def _keep(self, trained, experts):
        """Take over what training returned."""
        self.experts_, self.gate_, self.pooler_ = trained.experts, trained.gate, trained.pooler
        self.scales_, self.density_gate_ = trained.scales, trained.density_gate
        self.history_, self.starts_ = trained.history, trained.starts
        self.account_ = trained.account
        self.fit_report_, self.n_experts_ = trained.report, len(trained.experts)
        if self.n_experts_ < len(experts):
            self.pooler_ = self.pooler_.left(self.n_experts_)
        kept = range(len(experts)) if trained.kept is None else trained.kept
        names = names_of(self.experts, experts)
        self.expert_names_ = [names[k] for k in kept]

    def _limits(self, trainer, experts):
        """Return what a trainer that can shrink the pool is told besides."""
        limit = self.time_limit
        if limit is not None and not (isinstance(limit, Real) and limit > 0):
            raise ValueError(f"time_limit must be positive seconds or None, got {limit!r}.")
        if trainer.shrinks:
            names = names_of(self.experts, experts)
            names = names if self._named() else numbered(names)
            return {"names": names, "time_limit": limit, "shrink": is_auto(self.experts)}
        if limit is not None:
            raise ValueError(
                f"time_limit must be None for train={self.train!r}, got time_limit={limit}. "
                "Limit its rounds instead, or use 'out_of_fold'."
            )
        return {}

    def _build(self, experts, seeds):
        resolve_device(self.device)  # an error where there is none; experts resolve "auto"
        classes = self.classes_ if self._n_classes else None
        return build_experts(experts, self._task, seeds=seeds, classes=classes, device=self.device)

    def _divide(self, data, asked):
        """Return the divider as a function of a seed, and how many experts it asks for."""
        n_experts = asked.n_experts
        if self.divide is None:
            return None, n_experts
        divider = as_divider(self.divide)
        if n_experts is None and listed(asked.experts) is not None:
            n_experts = len(listed(asked.experts))

        def divide(seed):
            settings = {"sample_weight": data.sample_weight, "random_state": seed}
            return divider.divide(data.for_(divider), data.y, n_experts=n_experts, **settings)

        return divide, divide(0).shape[1] if n_experts is None else n_experts


def _check_number(experts, n_samples):
    n_plain = sum(not is_stacker(expert) for expert in experts)
    if n_plain > n_samples:
        raise ValueError(
            f"n_experts must be at most n_samples, got n_experts={n_plain} and "
            f"n_samples={n_samples}. List fewer experts, such as experts=['linear'], or bring "
            "more rows."
        )


def _check_learns(pooler, experts, trainer):
    """Refuse a pooler that learns where nothing is out of fold, or where stackers do its work."""
    if not has_power(pooler, Learns):
        return
    if not trainer.stacks:
        raise ValueError(
            f"pool must not learn for {trainer!r}, got {pooler!r}: it needs out-of-fold "
            "predictions. Use train='out_of_fold', or pool='linear'."
        )
    names = [label(expert) for expert in experts if is_stacker(expert)]
    if names:
        raise ValueError(
            f"pool must not learn where {' and '.join(names)} stacks the experts, got {pooler!r}. "
            "List the plain experts alone, or use pool='linear'."
        )


def _check_stackers(pooler, gate, experts, trainer, divide):
    """Refuse stackers where nothing is out of fold or the task is divided, and a pooler that asks
    few experts where all must be asked."""
    names = [label(expert) for expert in experts if is_stacker(expert)]
    if names and not trainer.stacks:
        raise ValueError(
            f"experts must not depend on each other for {trainer!r}, got {' and '.join(names)}: "
            "stackers need out-of-fold predictions. Use train='out_of_fold'."
        )
    if names and divide is not None:
        raise ValueError(
            f"divide must be None where an expert stacks the others, got {divide!r}: a stacker has "
            "no subtask of its own."
        )
    if len(names) == len(experts):
        raise ValueError(
            f"experts must hold a plain expert for the stackers to stack, got {', '.join(names)}."
        )
    if not pooler.sparse:
        return
    if has_power(gate, ReadsPredictions):
        names.append(type(gate).__name__)
    if names:
        raise ValueError(
            f"pool must ask every expert where {' and '.join(names)} read what all of them say, "
            f"got {pooler!r}. Use pool='linear', or a gate on the input alone and no stackers."
        )
