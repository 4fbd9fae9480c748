"""The check of a notebook's parameters before a kernel starts: names, types, plugins, data."""

import ast

from moe_lab.bench.lineup import find_method, split_names
from moe_lab.registry import dividers, experts, gates, poolers, trainers
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.key import fingerprint
from moe_lab.runs.notebook import parameter_cell

__all__ = ["plan_runs"]

# Parameters of these names hold names, with commas between them.
PLUGINS = {
    "experts": experts,
    "gate": gates,
    "pool": poolers,
    "train": trainers,
    "divide": dividers,
}
NO_NAME = ("", "auto", "none")


def plan_runs(notebook, given) -> list:
    """Check what the command line gave, and split it into runs.

    Parameters
    ----------
    notebook : Path
    given : dict of str to str
        Parameters as they were typed; the notebook's own defaults fill in the rest. A `dataset`
        may name several with commas between: a run each.

    Returns
    -------
    plan : list of (parameters, data)
        For each run all parameters with their types, and the fingerprint of its data set.

    Raises
    ------
    ValueError
        For an unknown parameter, a wrong type, an unknown plugin, data set or column.
    """
    defaults = parameter_cell(notebook)
    for name in given:
        if name not in defaults:
            owner = f"notebook {notebook.stem!r}"
            raise ValueError(
                unknown_name("parameter", name, defaults, owner=owner, listed="Parameters")
            )
    typed = {name: convert(name, text, defaults[name]) for name, text in given.items()}
    parameters = {**defaults, **typed}
    check_names(parameters)
    if not isinstance(parameters.get("dataset"), str):
        return [(parameters, "")]
    names = split_names(parameters["dataset"])
    if not names:
        raise ValueError("dataset must name at least one data set, got none; -p dataset ames.")
    runs = [{**parameters, "dataset": name} for name in dict.fromkeys(names)]
    return [(run, _read_data(run)) for run in runs]


def convert(name, text, default):
    """Turn what was typed into the type of the parameter's default.

    Examples
    --------
    >>> convert("folds", "3", default=5)
    3
    >>> convert("folds", "abc", default=5)
    Traceback (most recent call last):
    ValueError: Parameter folds must be int (as its default 5), got 'abc'.
    """
    if isinstance(default, str):
        return text
    value = _literal(text)
    if default is None:
        return value
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        kind = type(default).__name__
        raise ValueError(
            f"Parameter {name} must be {kind} (as its default {default}), got {text!r}."
        )
    return value


def check_names(parameters) -> None:
    """Check every plugin and method that the parameters name.

    Raises
    ------
    ValueError
        For the first unknown one, with a suggestion; a broken plugin raises its own exception.
    """
    for parameter, registry in PLUGINS.items():
        for name in _names(parameters, parameter):
            registry.get(name)
    for name in (*_names(parameters, "methods"), *_names(parameters, "baseline")):
        find_method(name)


def _names(parameters, parameter):
    value = parameters.get(parameter)
    names = split_names(value) if isinstance(value, str) else []
    return [name for name in names if name not in NO_NAME]


def _read_data(parameters):
    from moe_lab.datasets import load_dataset

    told = {name: parameters.get(name) or None for name in ("target", "groups")}
    return fingerprint(load_dataset(parameters["dataset"], **told))


def _literal(text):
    low = text.strip().lower()
    if low in ("true", "false", "none"):  # as they are typed in a shell
        return {"true": True, "false": False, "none": None}[low]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text
