"""What people call an expert or a method: the same in tables, figures, reports and warnings."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from moe_lab.experts.base import experts
from moe_lab.experts.estimator import EstimatorExpert
from moe_lab.registry import methods

__all__ = ["is_pair", "kept", "label", "names_of", "numbered", "params_of", "with_params"]

_EMPTY = inspect.Parameter.empty


def label(entry: Any) -> str:
    """Name an expert or a method: a registered one by its name, an estimator by its class.

    Parameters
    ----------
    entry : str, (name, params) pair, Expert or estimator
        A pair tells the parameters that differ from their defaults as well.

    Examples
    --------
    >>> label("linear"), label(experts.create("linear", alpha=0.5))
    ('linear', 'linear')
    >>> label(("linear", {"alpha": 1.0})), label(("linear", {"alpha": 0.5}))
    ('linear', 'linear(alpha=0.5)')
    """
    if isinstance(entry, str):
        return entry
    if is_pair(entry):
        return _with_params(*entry)
    if isinstance(entry, EstimatorExpert):
        estimator: Any = entry.classifier if entry.regressor is None else entry.regressor
        frozen = isinstance(estimator, FrozenEstimator)
        return type(estimator.estimator if frozen else estimator).__name__
    if hasattr(entry, "make"):  # a torch Module of the caller's
        return getattr(entry.make, "__name__", "module")
    return experts.name_of(entry) or methods.name_of(entry) or type(entry).__name__


def kept(named: Mapping) -> dict:
    """Return the experts of a dict that are not "drop"."""
    return {
        name: one for name, one in named.items() if not (isinstance(one, str) and one == "drop")
    }


def names_of(spec: Any, experts: Sequence) -> list[str]:
    """Return what experts are called, where ``spec`` is what ``experts=`` was.

    Those that a dict names go by that name; of the others, see `label`.

    Examples
    --------
    >>> names_of({"trees": "lightgbm", "lines": "drop"}, ["lightgbm", "stacker"])
    ['trees', 'stacker']
    """
    named = list(kept(spec)) if isinstance(spec, Mapping) else []
    return [*named, *(label(one) for one in experts[len(named) :])]


def numbered(labels: Iterable[str]) -> list[str]:
    """Give every expert a name of its own.

    Experts of different kinds go by what they are, those of one kind numbered; where all are of one
    kind, that would say nothing, and they are "expert 0", "expert 1" and so on.

    Examples
    --------
    >>> numbered(["linear", "lightgbm", "linear"])
    ['linear 0', 'lightgbm', 'linear 1']
    >>> numbered(["linear", "linear"])
    ['expert 0', 'expert 1']
    """
    labels = list(labels)
    if len(set(labels)) == 1:
        return [f"expert {k}" for k in range(len(labels))]
    return [
        f"{name} {labels[:k].count(name)}" if labels.count(name) > 1 else name
        for k, name in enumerate(labels)
    ]


def is_pair(entry: Any) -> bool:
    """Whether it is a (name, params) pair."""
    named = isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
    return named and isinstance(entry[1], Mapping)


def _with_params(name, params):
    defaults = _defaults(name)
    changed = [
        f"{key}={_short(value)}"
        for key, value in params.items()
        if key not in defaults or not _same(defaults[key], value)
    ]
    return f"{name}({', '.join(changed)})" if changed else name


def _defaults(name):
    """Return the defaults of a method's or an expert's parameters; an unknown name has none."""
    for registry in (methods, experts):
        if name in registry:
            parameters = inspect.signature(registry.get(name)).parameters
            return {key: parameter.default for key, parameter in parameters.items()}
    return {}


def _short(value):
    if is_pair(value):
        return label(value)
    if isinstance(value, Mapping):
        return "+".join(kept(value))
    if isinstance(value, list | tuple):
        return "+".join(_short(one) for one in value)
    return value if isinstance(value, str) else " ".join(repr(value).split())


def _same(default, value):
    try:
        return bool(default == value)
    except (TypeError, ValueError):  # arrays do not compare to one truth
        return False


def params_of(entry: Any, deep: bool = True) -> dict:
    """Return the parameters of an expert that is a name, a pair or an object; else none."""
    if isinstance(entry, str) or is_pair(entry):
        name, params = entry if is_pair(entry) else (entry, {})
        known = {key: value for key, value in _defaults(name).items() if value is not _EMPTY}
        return known | dict(params)
    has_params = hasattr(entry, "get_params") and not inspect.isclass(entry)
    return entry.get_params(deep=deep) if has_params else {}


def with_params(entry: Any, **params: Any) -> Any:
    """Return an expert with other parameters; the one that is given stays as it is."""
    if isinstance(entry, str) or is_pair(entry):
        name, known = entry if is_pair(entry) else (entry, {})
        experts.create(name, **{**known, **params})  # an error where it has no such parameter
        return name, {**known, **params}
    return clone(entry).set_params(**params)
