"""Who takes part: method names, parameters and estimators become labelled builders."""

from collections.abc import Mapping
from typing import Any

from moe_lab.experts.names import is_pair, label
from moe_lab.registry import experts, methods
from moe_lab.registry.spelling import unknown_name

__all__ = ["find_method", "known_methods", "line_up", "mixture", "split_names"]


def line_up(entries: str | list | dict, task: str) -> dict:
    """Turn what the user listed into methods that can be built.

    Parameters
    ----------
    entries : str, list or dict
        Names of `methods` or `experts` ("stacking", or "stacking, average"), (name, params)
        pairs, estimators; or a dict of label -> any of these.
    task : {"regression", "classification"}

    Returns
    -------
    lineup : dict
        Label -> method, in the order listed; a method fulfils the contract of `Expert`.

    Raises
    ------
    ValueError
        If a name is unknown, a label comes twice, or nothing is listed.

    Examples
    --------
    >>> list(line_up(["linear", ("linear", {"alpha": 0.0})], "regression"))
    ['linear', 'linear(alpha=0.0)']
    """
    if isinstance(entries, Mapping):
        pairs = [(str(name), entry) for name, entry in entries.items()]
    else:
        pairs = [(label(entry), entry) for entry in _flat(entries)]
    if not pairs:
        raise ValueError(f"methods must name at least one method, got {entries!r}.")
    lineup = {}
    for name, entry in pairs:
        if name in lineup and entry == name:  # a name listed twice is one method
            continue
        if name in lineup:
            raise ValueError(
                f"methods must differ in their labels, got {name!r} twice; "
                "pass a dict of label -> method to tell them apart."
            )
        lineup[name] = _as_method(entry, task)
    return lineup


def mixture(
    *,
    experts: str = "auto",
    gate: str = "auto",
    pool: str = "auto",
    train: str = "out_of_fold",
    n_experts: int = 0,
    preset: str = "default",
) -> tuple[str, dict]:
    """Describe the mixture that a notebook's parameters ask for.

    Parameters
    ----------
    experts : str, default="auto"
        One name, or several with commas between.
    gate, pool, train : str
        Registered names; gate and pool also "auto".
    n_experts : int, default=0
        Copies of one expert; 0: as many as `experts` lists.
    preset : str, default="default"
        What the pool "auto" holds: "fast", "default" or "best".

    Returns
    -------
    method : (name, params) pair
        For `compare`.

    Examples
    --------
    >>> mixture(experts="linear, lightgbm", gate="constant")
    ('moe', {'experts': ['linear', 'lightgbm'], 'gate': 'constant'})
    """
    names = split_names(experts)
    params: dict = {"experts": names[0] if len(names) == 1 else names, "gate": gate, "pool": pool}
    params |= {"train": train, "n_experts": n_experts or None, "preset": preset}
    defaults = {"experts": "auto", "gate": "auto", "pool": "auto", "train": "out_of_fold"}
    defaults["preset"] = "default"
    return ("moe", {key: value for key, value in params.items() if value != defaults.get(key)})


def split_names(names: str) -> list[str]:
    """Split a comma-separated list; blanks do not count.

    Examples
    --------
    >>> split_names("ames, diamonds,")
    ['ames', 'diamonds']
    """
    return [name.strip() for name in names.split(",") if name.strip()]


def known_methods() -> list[str]:
    """Return the sorted names of all methods: those registered as such, and every expert that can
    be fitted alone."""
    alone = (name for name, expert in experts.items() if not _stacks(expert))
    return sorted({*methods.names(), *alone})


def find_method(name: str) -> Any:
    """Return the class or function behind a method's name: a method's first, then an expert's."""
    for registry in (methods, experts):
        if name in registry or name in registry.broken:
            found = registry.get(name)
            if _stacks(found):
                break
            return found
    raise ValueError(unknown_name("method", name, known_methods()))


def _stacks(plugin):
    from moe_lab.experts.base import is_stacker

    return is_stacker(plugin)


def _flat(entries):
    entries = [entries] if isinstance(entries, str) or is_pair(entries) else entries
    for entry in entries:
        yield from split_names(entry) if isinstance(entry, str) else [entry]


def _as_method(entry, task):
    if isinstance(entry, str):
        entry = (entry, {})
    if is_pair(entry):
        name, params = entry
        find_method(name)  # says what there is
        method = (methods if name in methods else experts).create(name, **params)
    elif hasattr(entry, "build"):
        method = entry
    else:
        from moe_lab.experts.spec import as_expert

        method = as_expert(entry, task)
    tasks = getattr(method, "tasks", (task,))
    if task not in tasks:
        raise ValueError(f"A method must serve the task {task}, got {entry!r} for {tasks}.")
    return method
