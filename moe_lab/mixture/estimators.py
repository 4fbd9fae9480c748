"""Mixtures of experts as scikit-learn estimators: divide, experts, gate, pool."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.validation import column_or_1d

from moe_lab.device import resolve_device
from moe_lab.divide.base import as_divider
from moe_lab.experts.names import label, numbered
from moe_lab.experts.spec import as_experts, listed
from moe_lab.gate.base import as_gate
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.mixture.asking import TrustAndLikelihood
from moe_lab.mixture.criteria import InformationCriteria
from moe_lab.mixture.density import expert_distribution, mix
from moe_lab.mixture.names import expert_names
from moe_lab.pool.base import as_pooler
from moe_lab.table.inputs import (
    TakesTables,
    as_codes,
    as_numbers,
    check_table,
    check_target,
    codes_of,
    weighted_rows,
)
from moe_lab.train.base import TrainingData, as_trainer


class _MixtureOfExperts(TrustAndLikelihood, InformationCriteria, TakesTables, BaseEstimator):
    """What classification and regression share."""

    def __init__(
        self,
        experts="auto",
        n_experts=None,
        *,
        divide=None,
        gate="auto",
        pool="linear",
        train="out_of_fold",
        time_limit=None,
        device="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.experts = experts
        self.n_experts = n_experts
        self.divide = divide
        self.gate = gate
        self.pool = pool
        self.train = train
        self.time_limit = time_limit
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, groups=None):
        """Divide the task, train experts and gate together.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Numbers, categories, strings, dates, missing values; no infinite numbers.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; a row of weight 0 is as if absent.
        groups : array-like of shape (n_samples,), optional
            Rows of one group are held out together.

        Returns
        -------
        self : estimator
        """
        X = check_table(self, X, reset=True)
        y = check_target(X, y)
        X, y, weight, groups = weighted_rows(X, y, sample_weight, groups)
        y = self._encode_target(y)
        pooler, trainer = as_pooler(self.pool, self._task), as_trainer(self.train)
        specs, n_experts = self.experts, self.n_experts
        if self._is_auto:
            specs, n_experts = trainer.auto_experts(n_experts, self.time_limit)
        if n_experts is not None and not (isinstance(n_experts, Integral) and n_experts >= 1):
            raise ValueError(f"n_experts must be a whole number, 1 or more, got {n_experts!r}.")
        divide, n_experts = self._divide(X, y, weight, specs, n_experts)
        experts = as_experts(specs, self._task, n_experts)
        experts, gate = self._complete(experts, trainer, pooler, len(y))
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=len(experts)).tolist()
        resolve_device(
            self.device
        )  # an error where there is none; experts resolve "auto" themselves
        built = [self._build(expert, seed) for expert, seed in zip(experts, seeds, strict=True)]
        trained = trainer.train(
            TrainingData(X, y, weight, groups, self._task, self._n_classes),
            experts=built,
            gate=gate,
            pool=pooler,
            divide=divide,
            seeds=seeds,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            **self._limits(trainer, experts),
        )
        self.experts_, self.gate_, self.history_ = trained.experts, trained.gate, trained.history
        self.scales_, self.density_gate_ = trained.scales, trained.density_gate
        self.starts_, self.fit_report_ = trained.starts, trained.report
        self.pooler_, self.n_experts_ = trained.pooler, len(trained.experts)
        kept = range(len(experts)) if trained.kept is None else trained.kept
        self.expert_names_ = [label(experts[k]) for k in kept]
        self._warn_of_floors(trained.at_floor)
        return self

    def _warn_of_floors(self, at_floor):
        if at_floor:
            names = expert_names(self)
            warnings.warn(
                f"The noise scale of {' and '.join(names[k] for k in at_floor)} is at its floor, "
                f"{self.scales_[at_floor[0]]:.3g}: its rows are fitted without error, and the "
                "likelihood depends on the floor. Use fewer experts, a stronger penalty or a "
                "larger min_scale.",
                ConvergenceWarning,
                stacklevel=3,
            )

    @property
    def _is_auto(self):
        return isinstance(self.experts, str) and self.experts == "auto"

    def _complete(self, experts, trainer, pooler, n_samples):
        """Return experts and gate, with what "auto" leaves to the trainer."""
        settings = {"task": self._task, "pooler": pooler, "divided": self.divide is not None}
        experts, gate = trainer.complete(experts, self.gate, **settings)
        gate = as_gate(gate)
        if gate.get_params().get("device") == "auto":
            gate = clone(gate).set_params(device=resolve_device(self.device))
        n_plain = sum(not expert.depends_on for expert in experts)
        if n_plain > n_samples:
            raise ValueError(
                f"n_experts must be at most n_samples, got n_experts={n_plain} and "
                f"n_samples={n_samples}. List fewer experts, such as experts=['linear'], or bring "
                "more rows."
            )
        _check_stackers(pooler, gate, experts, trainer, self.divide)
        return experts, gate

    def _limits(self, trainer, experts):
        """Return what a trainer that can shrink the pool is told besides."""
        limit = self.time_limit
        if limit is not None and not (isinstance(limit, Real) and limit > 0):
            raise ValueError(f"time_limit must be positive seconds or None, got {limit!r}.")
        if trainer.shrinks:
            names = numbered(label(expert) for expert in experts)
            return {"names": names, "time_limit": limit, "shrink": self._is_auto}
        if limit is not None:
            raise ValueError(
                f"time_limit must be None for train={self.train!r}, got time_limit={limit}. "
                "Limit its rounds instead, or use 'out_of_fold'."
            )
        return {}

    def _build(self, expert, seed):
        return expert.build(
            self._task, n_classes=self._n_classes, random_state=seed, device=self.device, n_jobs=1
        )

    def _divide(self, X, y, weight, specs, n_experts):
        """Return the divider as a function of a seed, and how many experts it asks for."""
        if self.divide is None:
            return None, n_experts
        divider = as_divider(self.divide)
        if n_experts is None and listed(specs) is not None:
            n_experts = len(listed(specs))

        def divide(seed):
            return divider.divide(
                X, y, n_experts=n_experts, sample_weight=weight, random_state=seed
            )

        return divide, divide(0).shape[1] if n_experts is None else n_experts


def _check_stackers(pooler, gate, experts, trainer, divide):
    """Refuse stackers where nothing is out of fold or the task is divided, and a pooler that asks
    few experts where all must be asked."""
    names = [label(expert) for expert in experts if expert.depends_on]
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
    if gate.reads_predictions:
        names.append(type(gate).__name__)
    if names:
        raise ValueError(
            f"pool must ask every expert where {' and '.join(names)} read what all of them say, "
            f"got {pooler!r}. Use pool='linear', or a gate on the input alone and no stackers."
        )


class MoERegressor(RegressorMixin, _MixtureOfExperts):
    """Mixture of experts for regression.

    Parameters
    ----------
    experts : "auto", name, (name, params), estimator, or a list of these
        The models; "auto" is a pool of different families, of which those are dropped that do not
        pay out of fold. One alone is copied ``n_experts`` times.
    n_experts : int, optional
    divide : name, (name, params) or Divider, optional
        Who starts with which rows.
    gate, pool, train : name, (name, params) or instance
        Whom to trust, one answer from many, and how gate and experts are trained together. By
        ``gate="auto"`` the trainer decides: "softmax" for EM; for "out_of_fold" with a linear pool
        "anchored", and stackers join the experts.
    time_limit : float, optional
        Seconds for ``fit`` ("out_of_fold" only): experts that would take too long are left out.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    n_jobs : int, optional
        Fits at a time.
    random_state : int, RandomState or None
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    experts_ : list of fitted experts
    gate_ : fitted Gate
    n_experts_ : int
        Stackers that joined count; experts that died in EM (a warning says so) or were dropped
        from the pool "auto" do not.
    history_ : DataFrame
        One row per round, ``log_likelihood`` (nats) first.
    scales_ : ndarray of shape (n_experts,)
        Noise standard deviation of each expert, in the unit of y.
    density_gate_ : fitted gate of the density, or None where ``gate_`` serves it.
    starts_ : DataFrame or None
        One row per start of EM: the ``log_likelihood`` (nats) that it reached in its ``n_rounds``;
        only the best start is run to the end.
    expert_names_ : list of str
        What the experts are called.
    fit_report_ : DataFrame or None
        Of "out_of_fold": for each step what was fitted, in how many ``fits`` and ``seconds``.

    References
    ----------
    Jacobs, Jordan, Nowlan & Hinton (1991); Jordan & Jacobs (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from moe_lab import MoERegressor
    >>> X = np.linspace(-1, 1, 200).reshape(-1, 1)
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    >>> moe = moe.fit(X, np.abs(X[:, 0]))
    >>> moe.predict([[-0.5], [0.5]]).round(1)
    array([0.5, 0.5])
    """

    _task = "regression"
    _n_classes = None

    def predict(self, X):
        """Return the pooled prediction, shape (n_samples,)."""
        return self._pooled(self._table(X))[:, 0]

    def predict_distribution(self, X):
        """Return what the mixture says of y: a Gaussian mixture for every row.

        Its mean is ``predict(X)``. Its components are the experts, or those of an expert that is a
        mixture itself, with the weights of the pool; of a mixture trained out of fold, five widths
        around the pooled mean.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)

        Returns
        -------
        distribution : MixtureDistribution

        Raises
        ------
        ValueError
            If the pool is no weighted sum of the experts (median, say), or an expert has no noise
            scale.
        """
        X = self._table(X)
        if self.density_gate_ is not None:
            return MixtureDistribution(*self.density_gate_.components(X, *self._means(X)))
        gate_weights = self.gate_.predict_proba(X)
        weights = self.pooler_.weights(gate_weights, self.scales_)
        parts = [self._expert_distribution(k, X, weights[:, k]) for k in range(self.n_experts_)]
        return mix(weights, parts)

    def _expert_distribution(self, k, X, weights):
        """Ask expert k for the rows where it has a weight; None where there is no such row."""
        rows = np.flatnonzero(weights > 0)
        if not len(rows):
            return None
        scale = np.nan if self.scales_ is None else self.scales_[k]
        asked = X if len(rows) == len(weights) else _safe_indexing(X, rows)
        return expert_distribution(self.experts_[k], asked, scale)

    def _row_log_likelihood(self, X, y):
        if self.density_gate_ is None:
            return super()._row_log_likelihood(X, y)
        return self.density_gate_.log_prob(X, *self._means(X), y)

    def _means(self, X):
        """Return the experts' means, (n_samples, n_experts, 1), and the pool's, (n_samples,)."""
        gate_weights, predictions = self._asked(X)
        if predictions is None:
            predictions = self._expert_predictions(X)
        return predictions, self.pooler_.pool(predictions, gate_weights, self.scales_)[:, 0]

    def _encode_target(self, y):
        return as_numbers(y)

    def _encode_seen(self, y):
        return as_numbers(column_or_1d(y))


class MoEClassifier(ClassifierMixin, _MixtureOfExperts):
    """Mixture of experts for classification.

    Parameters
    ----------
    experts, n_experts, divide, gate, pool, train, time_limit, device, n_jobs, random_state, verbose
        As in MoERegressor.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    experts_, expert_names_, gate_, n_experts_, history_, fit_report_
        As in MoERegressor. Experts are fitted on class codes, 0..n_classes-1.

    Examples
    --------
    >>> import numpy as np
    >>> from moe_lab import MoEClassifier
    >>> X = np.linspace(-1, 1, 200).reshape(-1, 1)
    >>> y = np.where(np.abs(X[:, 0]) < 0.5, "inner", "outer")
    >>> moe = MoEClassifier("linear", n_experts=2, train="em", random_state=0).fit(X, y)
    >>> moe.predict([[-0.9], [0.0], [0.9]])
    array(['outer', 'inner', 'outer'], dtype='<U5')
    """

    _task = "classification"

    @property
    def _n_classes(self):
        return len(self.classes_)

    def predict_proba(self, X):
        """Return the pooled class probabilities, shape (n_samples, n_classes), in the order of
        ``classes_``."""
        return self._pooled(self._table(X))

    def predict(self, X):
        """Return the most probable class, shape (n_samples,)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]

    def _encode_target(self, y):
        codes, self.classes_ = as_codes(y)
        return codes

    def _encode_seen(self, y):
        return codes_of(y, self.classes_)
