"""What ``experts=`` means: a name, a pair, an estimator, the class of a Module, or a list."""

import inspect
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from moe_lab.experts.base import Expert, experts
from moe_lab.experts.estimator import EstimatorExpert, is_estimator, task_of, wrong_task
from moe_lab.experts.labels import of_codes
from moe_lab.experts.names import is_pair, kept
from moe_lab.experts.pools import pool_of

__all__ = ["as_expert", "as_experts", "build_experts", "listed"]


def as_expert(obj: Any, task: str | None = None) -> Expert:
    """Return an Expert from a registered name, a (name, params) pair, an Expert, any object
    with fit, predict and get_params, or the class of a torch Module.

    Raises
    ------
    TypeError
        If it cannot be an expert, or does not serve ``task``.
    """
    if isinstance(obj, str | Expert) or is_pair(obj):
        expert = experts.resolve(obj, Expert)
    elif _is_module(obj):
        expert = _module_expert(obj)
    else:
        expert = _estimator_expert(obj)
    if task is not None and task not in expert.tasks:
        raise TypeError(wrong_task(obj, task))
    return expert


def as_experts(
    spec: Any,
    task: str,
    n_experts: int | None = None,
    *,
    n_samples: int | None = None,
    n_classes: int | None = None,
) -> list[Expert]:
    """Return the list of Experts that ``experts=`` and ``n_experts=`` describe.

    Parameters
    ----------
    spec : "auto", one expert, a list of them or a dict that names them
    task : {"regression", "classification"}
    n_experts : int, optional
        How many copies of one expert; with a list, its length or None.
    n_samples, n_classes : int, optional
        By which "auto" leaves out who does not suit them.

    Returns
    -------
    experts : list of Expert
    """
    specs = listed(spec, task, n_samples, n_classes)
    if specs is not None:
        if not specs:
            raise ValueError(f"experts must hold at least one expert, got {spec!r}.")
        if n_experts is not None and n_experts != len(specs):
            raise ValueError(
                f"n_experts must be None or the length of experts, got n_experts={n_experts} and "
                f"{len(specs)} experts."
            )
        return [as_expert(one, task) for one in specs]
    if n_experts is None:
        raise ValueError(
            f"n_experts must be given when experts is one expert, got n_experts=None and "
            f"experts={spec!r}. "
            "Pass n_experts=4, a list of experts, or a divide that decides (a column, rules)."
        )
    return [as_expert(spec, task)] * n_experts


def listed(
    spec: Any,
    task: str = "regression",
    n_samples: int | None = None,
    n_classes: int | None = None,
) -> Any:
    """Return the experts that ``experts=`` lists, or None where it is one expert to be copied;
    "auto" lists those for a table of such a task, so many rows and classes."""
    if isinstance(spec, str) and spec == "auto":
        return pool_of(task, n_samples, n_classes)
    if isinstance(spec, Mapping):
        return list(kept(spec).values())
    return list(spec) if isinstance(spec, list | tuple) and not is_pair(spec) else None


def build_experts(
    experts: list[Expert],
    task: str,
    *,
    seeds: list[int],
    classes: np.ndarray | None = None,
    device: str = "cpu",
) -> list:
    """Return the unfitted estimators.

    Parameters
    ----------
    experts : list of Expert
        Copies of one, which is in the list several times, get seeds of their own.
    task : {"regression", "classification"}
    seeds : list of int
        One for each expert, where it has none of the caller's.
    classes : ndarray of shape (n_classes,), optional
        The labels, in the order of their codes.
    device : str, default="cpu"

    Returns
    -------
    built : list of unfitted estimators
    """
    settings: dict = {"n_classes": None if classes is None else len(classes), "device": device}
    built = []
    for k, (expert, seed) in enumerate(zip(experts, seeds, strict=True)):
        if isinstance(expert, EstimatorExpert):
            expert = expert.copy_of_number(sum(other is expert for other in experts[:k]))
        expert = expert if classes is None else of_codes(expert, classes)
        built.append(expert.build(task, random_state=seed, n_jobs=1, **settings))
    return built


def _estimator_expert(obj):
    if isinstance(obj, tuple) and len(obj) == 2 and isinstance(obj[0], str):
        raise TypeError(
            f"A (name, params) pair must hold a dict of parameters, got {obj!r}. To name experts, "
            f"pass a dict: experts={{{obj[0]!r}: ...}}."
        )
    if not is_estimator(obj):
        kind = "the class" if inspect.isclass(obj) else "an object"
        raise TypeError(
            "An expert must be a registered name, a (name, params) pair, or an object with fit, "
            f"predict and get_params, got {kind} {obj!r}. Registered: {', '.join(experts.names())}."
        )
    task = task_of(obj)
    if task is None:
        raise TypeError(f"An expert must be a classifier or a regressor, got {obj!r}.")
    return EstimatorExpert(**{"regressor" if task == "regression" else "classifier": obj})


def _is_module(obj):
    """Whether it is a torch Module or the class of one; torch is not imported for that."""
    torch = sys.modules.get("torch")
    kind = obj if inspect.isclass(obj) else type(obj)
    return torch is not None and issubclass(kind, torch.nn.Module)


def _module_expert(obj):
    from moe_lab.experts.module import ModuleExpert

    if not inspect.isclass(obj):
        raise TypeError(
            "A torch Module must be given as its class, of which every expert makes its own, got "
            f"an instance of {type(obj).__name__}. Pass the class, or ModuleExpert(make) with a "
            "function make(n_inputs, n_outputs)."
        )
    return ModuleExpert(obj)
