"""Any estimator as an expert, and the one line that registers it."""

from __future__ import annotations

import inspect
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from moe_lab.device import resolve_device
from moe_lab.experts.base import Expert, experts
from moe_lab.table import NumericTable, Prepared
from moe_lab.table.prepared import tags_of

__all__ = ["EstimatorExpert", "configure", "is_estimator", "task_of", "wrong_task"]

# What estimators call these; the first is set where the caller has set none.
ALIASES = {
    "random_state": ("random_state", "random_seed", "seed"),
    "n_jobs": ("n_jobs", "thread_count", "nthread"),
    "device": ("device",),
}


def is_estimator(obj: Any) -> bool:
    """Say whether it is what scikit-learn's stacking takes: an instance that can be fitted and
    asked."""
    asked = hasattr(obj, "predict") or hasattr(obj, "predict_proba")
    known = hasattr(obj, "fit") and hasattr(obj, "get_params")
    return asked and known and not inspect.isclass(obj)


def task_of(estimator: Any) -> str | None:
    """Return "regression" or "classification" as an estimator says, or None.

    What says nothing is a classifier where it has ``predict_proba``.
    """
    for says, task in ((is_classifier, "classification"), (is_regressor, "regression")):
        try:
            if says(estimator):
                return task
        except (AttributeError, TypeError):  # none of scikit-learn's
            continue
    kind = tags_of(estimator).estimator_type or getattr(estimator, "_estimator_type", None)
    if kind is not None:
        return {"classifier": "classification", "regressor": "regression"}.get(kind)
    return "classification" if hasattr(estimator, "predict_proba") else "regression"


class EstimatorExpert(Expert):
    """An estimator as an expert.

    Parameters
    ----------
    regressor, classifier : estimator, optional
        What to build for either task: any object with ``fit``, ``predict`` (or ``predict_proba``)
        and ``get_params``. It is cloned, never fitted; a plain model gets a `NumericTable` in
        front, one that holds a Pipeline or a ColumnTransformer, or says that it takes categories,
        is given the table as it comes. One in a FrozenEstimator is used as it is.
    """

    def __init__(self, regressor: Any = None, classifier: Any = None):
        self.regressor = regressor
        self.classifier = classifier

    @property
    def tasks(self) -> tuple[str, ...]:  # type: ignore[override]
        parts = {"regression": self.regressor, "classification": self.classifier}
        return tuple(task for task, part in parts.items() if part is not None)

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        estimator = self.regressor if task == "regression" else self.classifier
        if estimator is None:
            other = self.classifier if task == "regression" else self.regressor
            raise TypeError(wrong_task(other, task))
        estimator = configure(estimator, random_state=random_state, n_jobs=n_jobs, device=device)
        return (
            estimator
            if _prepares_tables(estimator)
            else Prepared(NumericTable(scale=False), estimator)
        )

    def copy_of_number(self, number: int) -> EstimatorExpert:
        """Return the same with seeds of its own; those of copy 0 are the caller's."""
        if number == 0:
            return self
        return EstimatorExpert(
            _reseeded(self.regressor, number), _reseeded(self.classifier, number)
        )


def wrong_task(estimator: Any, task: str) -> str:
    """Return the words for an estimator that does not serve the task."""
    kind = "regressor" if task == "regression" else "classifier"
    return f"For {task}, every expert must be a {kind}, got {estimator!r}."


def _prepares_tables(estimator):
    parts = [estimator, *estimator.get_params(deep=True).values()]
    if any(isinstance(part, Pipeline | ColumnTransformer | FrozenEstimator) for part in parts):
        return True
    untold = "cat_features" in _signature(estimator) and not _value(estimator, "cat_features")
    return tags_of(estimator).input_tags.categorical and not untold


def configure(
    estimator: Any,
    *,
    random_state: int | np.random.RandomState | None,
    n_jobs: int | None,
    device: str,
) -> Any:
    """Clone an estimator and set these parameters wherever it has them, inside pipelines too, and
    they were left at the class's default."""
    estimator = clone(estimator)
    settings = {"random_state": random_state, "n_jobs": n_jobs, "device": resolve_device(device)}
    new = {}
    for prefix, owner in _owners(estimator):
        for name, value in settings.items():
            known = [alias for alias in ALIASES[name] if alias in _parameters(owner)]
            if name == "n_jobs" and value == 1 and _is_of_sklearn(owner):
                continue  # what its None means; some models warn of a number
            if known and not any(_is_own(owner, alias) for alias in known):
                new[prefix + known[0]] = value
    return estimator.set_params(**new) if new else estimator


def _is_of_sklearn(owner):
    return type(owner).__module__.partition(".")[0] == "sklearn"


def _owners(estimator):
    """Return (prefix, estimator) of an estimator and all in it, but for what is frozen."""
    if isinstance(estimator, FrozenEstimator):
        return []
    parts = {"": estimator} | {
        f"{name}__": part
        for name, part in estimator.get_params(deep=True).items()
        if hasattr(part, "get_params") and not inspect.isclass(part)
    }
    frozen = [prefix for prefix, part in parts.items() if isinstance(part, FrozenEstimator)]
    return [
        (prefix, part)
        for prefix, part in parts.items()
        if not any(prefix.startswith(one) for one in frozen)
    ]


def _parameters(owner):
    """Return the names of what can be set, told by ``get_params`` or by the signature, since some
    ``get_params`` tell only what was set."""
    return set(owner.get_params(deep=False)) | set(_defaults(type(owner)))


def _signature(owner):
    """Return the defaults of the parameters that the class and its bases name."""
    bases = type(owner).__mro__[-2::-1]
    return {name: default for kind in bases for name, default in _defaults(kind).items()}


def _defaults(kind):
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {one.name: one.default for one in parameters if one.kind in named}


def _value(owner, name):
    return owner.get_params(deep=False).get(name)


def _is_own(owner, name):
    """Whether the caller has set a parameter: it differs from the class's default."""
    default = _signature(owner).get(name)
    default = None if default is inspect.Parameter.empty else default
    value = owner.get_params(deep=False).get(name, default)
    return value is not default and value != default


def _reseeded(estimator, number):
    if estimator is None or isinstance(estimator, FrozenEstimator):
        return estimator
    estimator, new = clone(estimator), {}
    for prefix, owner in _owners(estimator):
        for alias in ALIASES["random_state"]:
            if alias in _parameters(owner) and _is_own(owner, alias):
                seeds = check_random_state(deepcopy(_value(owner, alias)))
                new[prefix + alias] = int(seeds.randint(2**31 - 1, size=number)[-1])
    return estimator.set_params(**new) if new else estimator


class _EstimatorFactory:
    """What one line registers: makes an EstimatorExpert from the estimator's own parameters."""

    def __init__(self, regressor=None, classifier=None):
        parts = [part for part in (regressor, classifier) if part is not None]
        if not parts or not all(inspect.isclass(part) for part in parts):
            raise TypeError(
                f"experts.register needs a class as regressor= or classifier=, got {regressor!r} "
                f"and "
                f"{classifier!r}; to use an instance, pass it in experts=[...]."
            )
        self.regressor, self.classifier = regressor, classifier
        self.__doc__ = parts[0].__doc__
        self.__signature__ = inspect.signature(parts[0])
        if not all(has_fit_parameter(part, "sample_weight") for part in parts):
            self.card_notes = ("fit takes no sample_weight: it gets a weighted bootstrap.",)

    def __call__(self, **params):
        return EstimatorExpert(
            regressor=self.regressor and self.regressor(**params),
            classifier=self.classifier and self.classifier(**params),
        )


def _adapt(module=None, **parts):
    """Make a plugin of one line: of scikit-learn estimators, or of a torch Module's class."""
    if module is None:
        return _EstimatorFactory(**parts)
    if parts or not callable(module):
        raise TypeError(
            "experts.register needs module= alone, a Module class or a function of n_inputs and "
            f"n_outputs, got module={module!r}{' and ' if parts else ''}{', '.join(parts)}."
        )
    from moe_lab.experts.module import ModuleFactory

    return ModuleFactory(module)


experts.adapter = _adapt
