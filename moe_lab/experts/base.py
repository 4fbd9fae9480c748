"""What an expert is: one model per subtask. Any scikit-learn estimator is one as it stands."""

import inspect
from abc import ABC, abstractmethod

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import has_fit_parameter

from moe_lab.registry import experts
from moe_lab.table import NumericTable, Prepared

__all__ = ["AUTO", "EstimatorExpert", "Expert", "as_expert", "as_experts", "configure", "cross_fit"]
__all__ += ["experts", "fit_expert", "log_prob", "predict_expert"]

AUTO = ("lightgbm", "xgboost", "extra_trees", "linear")  # what experts="auto" means
NEGLIGIBLE = 1e-3  # weights below this share of the largest do not reach a flexible expert
MIN_PROBABILITY = 1e-5  # a class probability is at least this before its log is taken


class Expert(ABC, BaseEstimator):
    """Builds one model for one subtask."""

    tasks = ("regression", "classification")

    @abstractmethod
    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        """Build an unfitted estimator with ``fit(X, y, sample_weight)``.

        It takes the table as it comes (DataFrame or array, categories, missing values).

        Parameters
        ----------
        task : {"regression", "classification"}
        n_classes : int, optional
            Number of classes; y is a code in 0..n_classes-1, and some may be missing in a part.
        random_state : int, optional
        device : str, default="cpu"
            "cpu", "cuda" or "cuda:N".
        n_jobs : int, optional

        Returns
        -------
        estimator : object with ``predict`` (regression) or ``predict_proba`` and ``classes_``
            Optional powers: ``log_prob(X, y)`` (nats), ``scale_``, ``n_parameters_``, ``parametric``.
        """


class EstimatorExpert(Expert):
    """A scikit-learn estimator as an expert.

    Parameters
    ----------
    regressor, classifier : estimator, optional
        What to build for either task. It is cloned, never fitted; a plain model gets scikit-learn's table
        preparation in front, one that holds a Pipeline or a ColumnTransformer is left as it is.
    """

    def __init__(self, regressor=None, classifier=None):
        self.regressor = regressor
        self.classifier = classifier

    @property
    def tasks(self):
        parts = {"regression": self.regressor, "classification": self.classifier}
        return tuple(task for task, part in parts.items() if part is not None)

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        estimator = self.regressor if task == "regression" else self.classifier
        if estimator is None:
            raise TypeError(_wrong_task(self.regressor or self.classifier, task))
        estimator = configure(estimator, random_state=random_state, n_jobs=n_jobs, device=device)
        return estimator if _prepares_tables(estimator) else Prepared(NumericTable(scale=False), estimator)


def _wrong_task(estimator, task):
    kind = "regressor" if task == "regression" else "classifier"
    return f"For {task}, every expert must be a {kind}, got {estimator!r}."


def _prepares_tables(estimator):
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return get_tags(estimator).input_tags.categorical or any(
        isinstance(part, Pipeline | ColumnTransformer) for part in parts
    )


class _EstimatorFactory:
    """What one line registers: makes an EstimatorExpert from the estimator's own parameters."""

    def __init__(self, regressor=None, classifier=None):
        parts = [part for part in (regressor, classifier) if part is not None]
        if not parts or not all(inspect.isclass(part) for part in parts):
            raise TypeError(
                f"experts.register needs a class as regressor= or classifier=, got {regressor!r} and "
                f"{classifier!r}; to use an instance, pass it in experts=[...]."
            )
        self.regressor, self.classifier = regressor, classifier
        self.__doc__ = parts[0].__doc__
        self.__signature__ = inspect.signature(parts[0])

    def __call__(self, **params):
        return EstimatorExpert(
            regressor=self.regressor and self.regressor(**params),
            classifier=self.classifier and self.classifier(**params),
        )


experts.adapter = _EstimatorFactory


def as_expert(obj, task=None):
    """Return an Expert from a registered name, a (name, params) pair, an Expert or any estimator.

    Raises
    ------
    TypeError
        If it cannot be an expert, or does not serve ``task``.
    """
    if isinstance(obj, BaseEstimator | Pipeline) and not isinstance(obj, Expert):
        if is_classifier(obj):
            expert = EstimatorExpert(classifier=obj)
        elif is_regressor(obj):
            expert = EstimatorExpert(regressor=obj)
        else:
            raise TypeError(f"An expert must be a classifier or a regressor, got {obj!r}.")
    else:
        expert = experts.resolve(obj, Expert)
    if task is not None and task not in expert.tasks:
        raise TypeError(_wrong_task(obj, task))
    return expert


def as_experts(spec, task, n_experts=None):
    """Return the list of Experts that ``experts=`` and ``n_experts=`` describe.

    Parameters
    ----------
    spec : "auto", one expert or a list of them
    task : {"regression", "classification"}
    n_experts : int, optional
        How many copies of one expert; with a list, its length or None.

    Returns
    -------
    experts : list of Expert
    """
    if isinstance(spec, str) and spec == "auto":
        spec = list(AUTO)
    if isinstance(spec, list) or (isinstance(spec, tuple) and not _is_pair(spec)):
        if not spec:
            raise ValueError(f"experts must hold at least one expert, got {spec!r}.")
        if n_experts is not None and n_experts != len(spec):
            raise ValueError(
                f"n_experts must be None or the length of experts, got n_experts={n_experts} and {len(spec)} experts."
            )
        return [as_expert(one, task) for one in spec]
    if n_experts is None:
        raise ValueError(
            f"n_experts must be given when experts is one expert, got n_experts=None and experts={spec!r}. "
            "Pass n_experts=4, a list of experts, or a divide that decides (a column, rules)."
        )
    return [as_expert(spec, task)] * n_experts


def _is_pair(spec):
    return len(spec) == 2 and isinstance(spec[0], str) and isinstance(spec[1], dict)


def configure(estimator, *, random_state, n_jobs, device):
    """Clone an estimator and set these parameters wherever it has them, inside pipelines too."""
    estimator = clone(estimator)
    settings = {"random_state": random_state, "n_jobs": n_jobs, "device": device}
    found = {name: name.rsplit("__", 1)[-1] for name in estimator.get_params(deep=True)}
    return estimator.set_params(**{name: settings[last] for name, last in found.items() if last in settings})


def fit_expert(estimator, X, y, sample_weight=None, *, task, random_state=None):
    """Fit a clone of a built estimator to its part of the rows.

    A flexible expert sees only the rows that matter, with weights of mean 1 (tree boosters have thresholds in
    units of a row); a part with one class, or none at all, gets a constant expert; an estimator without
    ``sample_weight`` gets a weighted bootstrap.

    Parameters
    ----------
    estimator : unfitted estimator, from ``Expert.build``
    sample_weight : ndarray of shape (n_samples,), optional

    Returns
    -------
    fitted : a fitted clone, or a constant one
    """
    estimator = clone(estimator)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    if getattr(estimator, "parametric", False):
        return estimator.fit(X, y, sample_weight=sample_weight)
    kept = np.flatnonzero(sample_weight > NEGLIGIBLE * sample_weight.max())
    if len(kept) == 0 or (task == "classification" and len(np.unique(y[kept])) == 1):
        return _constant_expert(X, y, kept, task)
    weight = sample_weight[kept] / sample_weight[kept].mean()
    if len(kept) < len(y):
        X, y = _safe_indexing(X, kept), y[kept]
    if np.ptp(weight) < 1e-12:
        return estimator.fit(X, y)
    if has_fit_parameter(estimator, "sample_weight"):
        return estimator.fit(X, y, sample_weight=weight)
    drawn = np.random.default_rng(random_state).choice(len(y), len(y), p=weight / weight.sum())
    return estimator.fit(_safe_indexing(X, drawn), y[drawn])


def _constant_expert(X, y, kept, task):
    rows = kept if len(kept) else np.arange(len(y))
    dummy = DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")
    return dummy.fit(np.zeros((len(rows), 1)), y[rows])


def predict_expert(estimator, X, *, n_classes=None):
    """Predict with a fitted expert, widened to all classes.

    Parameters
    ----------
    estimator : fitted expert
    X : DataFrame or ndarray of shape (n_samples, n_features)
    n_classes : int, optional
        None: regression.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_outputs)
        Means (n_outputs = 1), or probabilities of all classes (n_outputs = n_classes).
    """
    if n_classes is None:
        return np.asarray(estimator.predict(X), dtype=float).reshape(len(X), 1)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"An expert for classification must have predict_proba, got {estimator!r}. "
            "Wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    wide = np.zeros((len(X), n_classes))
    wide[:, np.asarray(estimator.classes_, dtype=int)] = estimator.predict_proba(X)
    return wide


def cross_fit(estimators, X, y, folds, weights=None, *, task, n_classes=None, seeds=None, n_jobs=None, verbose=0):
    """Predict every row with experts that did not see it.

    Parameters
    ----------
    estimators : list of unfitted estimators
    folds : list of (train, test) pairs of index arrays
    weights : ndarray of shape (n_samples, n_experts), optional
        Each expert's own sample weights.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        Out of fold.
    """
    n_outputs = n_classes or 1
    predictions = np.full((len(y), len(estimators), n_outputs), np.nan)
    jobs = [(k, train, test) for k in range(len(estimators)) for train, test in folds]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(
            estimators[k], X, y, None if weights is None else weights[:, k], train, test, task, n_classes, seeds and seeds[k]
        )
        for k, train, test in progress(jobs, "cross-fit", verbose)
    )
    for (k, _, test), part in zip(jobs, parts, strict=True):
        predictions[test, k] = part
    return predictions


def _fit_and_predict(estimator, X, y, weight, train, test, task, n_classes, seed):
    weight = None if weight is None else weight[train]
    fitted = fit_expert(estimator, _safe_indexing(X, train), y[train], weight, task=task, random_state=seed)
    return predict_expert(fitted, _safe_indexing(X, test), n_classes=n_classes)


def log_prob(predictions, y, scales=None):
    """Log-probability of the targets under each expert, from its predictions.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
    y : ndarray of shape (n_samples,)
        Floats, or class codes.
    scales : ndarray of shape (n_experts,), optional
        Gaussian noise scales (regression); None: classification.

    Returns
    -------
    log_prob : ndarray of shape (n_samples, n_experts), in nats
    """
    if scales is None:
        return np.log(np.clip(predictions[np.arange(len(y)), :, y], MIN_PROBABILITY, 1.0))
    z = (y[:, None] - predictions[:, :, 0]) / scales
    return -0.5 * z**2 - np.log(scales) - 0.5 * np.log(2 * np.pi)


def progress(steps, title, verbose):
    """Wrap a sequence in a progress bar if ``verbose``."""
    if not verbose:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc=title, leave=False)
