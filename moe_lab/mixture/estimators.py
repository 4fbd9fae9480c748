"""Mixtures of experts as scikit-learn estimators: for regression and for classification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight

from moe_lab.experts.labels import by_code
from moe_lab.gate.base import Gate, ask_gate
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.mixture.base import MixtureOfExperts
from moe_lab.mixture.density import expert_distribution, mix
from moe_lab.pool.base import pooled
from moe_lab.table import rows_of
from moe_lab.table.inputs import as_codes, as_numbers, codes_of, one_column

if TYPE_CHECKING:
    from moe_lab.divide.base import Divider
    from moe_lab.pool.base import Pooler
    from moe_lab.table.forms import Table
    from moe_lab.train.base import Trainer


class MoERegressor(RegressorMixin, MixtureOfExperts):
    """Mixture of experts for regression.

    Parameters
    ----------
    experts : "auto", name, (name, params), estimator, or a list or dict of these
        The models, by name in a dict: ``experts={"trees": "lightgbm", "lines": "linear"}`` has the
        parameter ``trees__n_estimators``, and ``set_params(trees="drop")`` leaves one out. "auto"
        is a pool of different families, of which those are dropped that do not pay out of fold.
        One alone is copied ``n_experts`` times.
    n_experts : int, optional
    divide : name, (name, params) or Divider, optional
        Who starts with which rows.
    gate, pool, train : name, (name, params) or instance
        Whom to trust, one answer from many, and how gate and experts are trained together. What
        "auto" means the trainer decides: "softmax" and "linear" for EM; "anchored" and "learned"
        for "out_of_fold" of different experts, which calibrates and corrects the weighted answer.
    preset : {"fast", "default", "best"}, default="default"
        What the pool "auto" holds: a few that are quick; what pays for its time, by rows and
        classes (`moe_lab.experts.pools`); or all, and `tabm` besides.
    time_limit : float, optional
        Seconds for ``fit`` ("out_of_fold" only): experts that would take too long are left out.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    n_jobs : int, optional
        Fits at a time.
    random_state : int, RandomState or None
    verbose : int, default=0
        1 shows a progress bar, under which Ctrl-C ends ``fit`` with the best so far; 2 besides, in
        a notebook, the rounds of "em" and "gradient" as they come, with a button that does so.

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

    def predict(self, X: Table) -> np.ndarray:
        """Return the pooled prediction, shape (n_samples,)."""
        return self._pooled(self._read(X))[:, 0]

    def predict_distribution(self, X: Table) -> MixtureDistribution:
        """Return what the mixture says of y: a Gaussian mixture for every row.

        Its mean is ``predict(X)``. Its components are the experts, or those of an expert that is a
        mixture itself, with the weights of the pool; of a mixture trained out of fold, five widths
        around the pooled mean. Linear experts, and all whose ``predict`` takes ``return_std``,
        count that they are uncertain themselves: their intervals widen where rows were few, while
        ``score_samples`` takes what was estimated for true.

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
        X = self._read(X)
        if self.density_gate_ is not None:
            return MixtureDistribution(*self.density_gate_.components(X, *self._means(X)))
        gate_weights = ask_gate(self.gate_, X)
        weights = self.pooler_.weights(gate_weights, self.scales_)
        parts = [self._expert_distribution(k, X, weights[:, k]) for k in range(self.n_experts_)]
        return mix(weights, parts)

    def _expert_distribution(self, k, X, weights):
        """Ask expert k for the rows where it has a weight; None where there is no such row."""
        rows = np.flatnonzero(weights > 0)
        if not len(rows):
            return None
        scale = np.nan if self.scales_ is None else self.scales_[k]
        asked = X if len(rows) == len(weights) else rows_of(X, rows)
        return expert_distribution(self.experts_[k], asked, scale)

    def _row_log_likelihood(self, X, y):
        if self.density_gate_ is None:
            return super()._row_log_likelihood(X, y)
        return self.density_gate_.log_prob(X, *self._means(X), y)

    def _means(self, X):
        """Return the experts' means, (n_samples, n_experts, 1), and the pool's, (n_samples,)."""
        gate_weights, predictions = self._told(X)
        return predictions, pooled(self.pooler_, predictions, gate_weights, self.scales_, X)[:, 0]

    def _encode_target(self, y):
        return as_numbers(y)

    def _encode_seen(self, y):
        return as_numbers(one_column(y))


class MoEClassifier(ClassifierMixin, MixtureOfExperts):
    """Mixture of experts for classification.

    Parameters
    ----------
    experts, n_experts, divide, gate, pool, train, preset, time_limit, device, n_jobs, random_state,
    verbose
        As in MoERegressor.
    class_weight : dict from label to weight, "balanced" or None
        What a row of a class counts, times its sample weight; "balanced": each class as much as
        any other.

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
        class_weight: dict | None = None,
    ):
        super().__init__(
            experts,
            n_experts,
            divide=divide,
            gate=gate,
            pool=pool,
            train=train,
            preset=preset,
            time_limit=time_limit,
            device=device,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @property
    def _n_classes(self):
        return len(self.classes_)

    def predict_proba(self, X: Table) -> np.ndarray:
        """Return the pooled class probabilities, shape (n_samples, n_classes), in the order of
        ``classes_``."""
        return np.minimum(self._pooled(self._read(X)), 1.0)  # a sum may exceed it by rounding

    def predict_log_proba(self, X: Table) -> np.ndarray:
        """Return the log of ``predict_proba``; that of 0 is -inf."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Table) -> np.ndarray:
        """Return the most probable class, shape (n_samples,)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]

    def _weighted(self, y, sample_weight):
        if self.class_weight is None:
            return sample_weight
        codes, classes = as_codes(y)
        weights = self.class_weight
        weights = by_code(weights, classes) if isinstance(weights, dict) else weights
        weight = compute_sample_weight(weights, codes)
        return weight if sample_weight is None else weight * np.asarray(sample_weight, float)

    def _encode_target(self, y):
        codes, self.classes_ = as_codes(y)
        return codes

    def _encode_seen(self, y):
        return codes_of(y, self.classes_)
