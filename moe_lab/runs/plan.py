"""The check of a notebook's parameters before a kernel starts: names, types, plugins, data."""

import ast
import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from moe_lab.bench.lineup import find_method, known_methods, split_names
from moe_lab.registry import datasets, dividers, experts, gates, poolers, trainers
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.key import code_parts, fingerprint, key_of, key_parts
from moe_lab.runs.literals import literal
from moe_lab.runs.notebook import Parameter, read_parameters
from moe_lab.runs.secrets import check_secret

__all__ = ["Planned", "convert", "plan_runs"]

# The lists that a parameter of that kind draws from, with commas between names.
PLUGINS = {
    "experts": experts,
    "gate": gates,
    "pooler": poolers,
    "trainer": trainers,
    "divider": dividers,
}
# A parameter without a mark is of that kind if its default is made of such names.
USUAL = {
    "experts": "experts",
    "gate": "gate",
    "pool": "pooler",
    "train": "trainer",
    "divide": "divider",
    "methods": "methods",
    "baseline": "methods",
    "dataset": "data set",
}
NO_NAME = ("", "auto", "none")


@dataclass(frozen=True)
class Planned:
    """One run that has passed the checks.

    Parameters
    ----------
    parameters : dict
        All of them, as the kernel gets them.
    counted : dict
        What of them makes the run another one: of a file its content, not its path; of a data set
        its name, which the scores bear.
    data : str
        Fingerprint of the data set; "" where the notebook names none.
    title : str
        The data sets as they were typed.
    notebook : Path
    cwd : Path
        The kernel's working directory.
    code : dict
        From `code_parts`, when the run was planned.
    label : str, default=""
        The experiment, where it is not called as the notebook.
    """

    parameters: dict
    counted: dict
    data: str
    title: str
    notebook: Path
    cwd: Path
    code: dict
    label: str = ""

    @property
    def experiment(self) -> str:
        """Where its results are kept."""
        return self.label or self.notebook.stem

    @property
    def name(self) -> str:
        """What the run is called: the notebook, and the data sets."""
        return f"{self.experiment} {self.title}".strip()

    @cached_property
    def parts(self) -> dict[str, str]:
        """The hash of each part of the key."""
        parts = key_parts(self.notebook, self.counted, self.data, self.code)
        return parts if self.cwd == self.notebook.parent else parts | {"cwd": str(self.cwd)}

    @property
    def key(self) -> str:
        """What makes this run the same as another."""
        return key_of(self.parts)


def plan_runs(
    notebook: Path, given: dict, cwd: Path | None = None, data: dict | None = None
) -> list[Planned]:
    """Check what the command line gave, and split it into runs.

    Parameters
    ----------
    notebook : Path
    given : dict of str to str
        Parameters as they were typed; the notebook's own defaults fill in the rest. A data set
        may be several with commas between: a run each. Paths typed start at the working directory.
    cwd : Path, optional
        The kernel's folder, where the paths of the notebook's own defaults start; default: the
        notebook's folder.
    data : dict, optional
        Fingerprints of data and code known from the calls before this one; filled in.

    Returns
    -------
    plan : list of Planned

    Raises
    ------
    ValueError
        For an unknown parameter, a wrong type, an unknown plugin, data set or column.
    """
    known = read_parameters(notebook)
    for name in given:
        if name not in known:
            owner = f"notebook {notebook.stem!r}"
            raise ValueError(
                unknown_name("parameter", name, known, owner=owner, listed="Parameters")
            )
    values = {name: one.default for name, one in known.items()}
    values |= {name: convert(name, text, known[name].default) for name, text in given.items()}
    kinds = {name: kind_of(one) for name, one in known.items()}
    cwd = cwd or notebook.parent
    starts = {name: Path.cwd() if name in given else cwd for name in known}
    for name, value in values.items():
        check_secret(name, value)
        check_names(known[name], value, kinds[name])
        if name in given:
            values[name] = _absolute(name, value, kinds[name])
    sets = [name for name, kind in kinds.items() if kind == "data set"]
    listed = [_named_sets(name, values[name], starts[name]) for name in sets]
    plans = (dict(zip(sets, chosen, strict=True)) for chosen in product(*listed))
    seen = {} if data is None else data
    if notebook not in seen:
        seen[notebook] = code_parts(notebook)
    place = (notebook, cwd, seen[notebook])
    return [_plan(values, chosen, kinds, starts, seen, place) for chosen in plans]


def _plan(values, chosen, kinds, starts, seen, place):
    from moe_lab.datasets.from_file import file_set_name, find_file

    files = {name: find_file(one, starts[name]) for name, one in chosen.items() if one}
    run = values | {name: str(files.get(name) or one) for name, one in chosen.items()}
    counted = {
        name: file_set_name(files[name])
        if files.get(name)
        else _content(value, kinds[name], starts[name])
        for name, value in run.items()
    }
    data = [_read_data(run, name, seen) for name in chosen if chosen[name]]
    return Planned(run, counted, " ".join(data), ", ".join(chosen.values()), *place)


def convert(name: str, text: str, default: Any) -> Any:
    """Turn what was typed into the type of the parameter's default.

    Examples
    --------
    >>> convert("folds", "3", default=5)
    3
    >>> convert("folds", "abc", default=5)
    Traceback (most recent call last):
    ValueError: Parameter folds must be int (as its default 5), got 'abc'.
    """
    if isinstance(default, str) and isinstance(text, str):
        return text
    value = _literal(text) if isinstance(text, str) else text
    if default is not None:
        if isinstance(default, float):
            value = _number(value)
        if type(value) is not type(default):
            kind = type(default).__name__
            raise ValueError(
                f"Parameter {name} must be {kind} (as its default {default}), got {text!r}."
            )
    try:
        literal(value)
    except TypeError as error:
        raise TypeError(f"Parameter {name}: {error}") from error
    return value


def kind_of(parameter: Parameter) -> str | None:
    """Return the kind of names that a parameter holds; None for a parameter of one's own.

    The notebook says so by a mark, ``gate = "softmax"  # [gate]``, or by a default that is made
    of such names under the usual name of the parameter; ``# [text]`` ends that.
    """
    if parameter.kind:
        return None if parameter.kind == "text" else parameter.kind
    kind = USUAL.get(parameter.name)
    if kind is None or not isinstance(parameter.default, str):
        return None
    names = split_names(parameter.default)
    return kind if names and all(_is_known(name, kind) for name in names) else None


def _is_known(name, kind):
    from moe_lab.datasets.from_file import is_data_file

    if kind == "data set":
        return name in datasets or is_data_file(name)
    return name in (known_methods() if kind == "methods" else PLUGINS[kind])


def check_names(parameter: Parameter, value: Any, kind: str | None) -> None:
    """Check every plugin and method that a parameter names.

    Raises
    ------
    ValueError
        For the first unknown one, with a suggestion; a broken plugin raises its own exception.
    """
    if kind not in (*PLUGINS, "methods") or not isinstance(value, str):
        return
    for name in split_names(value):
        if name in NO_NAME:
            continue
        try:
            find_method(name) if kind == "methods" else PLUGINS[kind].get(name)
        except ValueError as error:
            if parameter.kind is None:
                own = f"{parameter.name} = {parameter.default!r}  # [text]"
                error.add_note(f"Is {parameter.name} a parameter of your own? Mark it: {own}")
            raise


def _named_sets(name, value, start):
    """Return the data sets that a parameter names; [""] where it names none."""
    if not isinstance(value, str):
        return [""]
    if (start / Path(value).expanduser()).is_file():  # a comma may be in a file's name
        return [value]
    names = list(dict.fromkeys(split_names(value)))
    if not names:
        raise ValueError(f"{name} must name at least one data set, got none; -p {name} ames.")
    return names


def _absolute(name, value, kind):
    """Let a path that was typed start at the shell's folder: the kernel works in another one."""
    if not isinstance(value, str) or name == "results_dir" or not value:
        return value
    if kind is None and looks_like_path(value):
        there = Path(value).expanduser()
        found = there.exists() or ("/" in value and there.parent.is_dir())
        return str(there.absolute()) if found else value
    return str(Path(value).expanduser().absolute()) if kind == "path" else value


def looks_like_path(text: str) -> bool:
    """Tell whether a text could be the path of a file, rather than a word.

    Examples
    --------
    >>> [looks_like_path(text) for text in ("t.csv", "a/b", "linear", "https://a/b")]
    [True, True, False, False]
    """
    short = 0 < len(text) < 1024 and "://" not in text and text.isprintable()
    return short and ("/" in text or bool(Path(text).suffix))


def _content(value, kind, start):
    """Return what a parameter stands for: the content of a file, not its path."""
    if isinstance(value, str) and (kind == "path" or (kind is None and looks_like_path(value))):
        path = start / Path(value).expanduser()
        if path.is_file():
            with open(path, "rb") as file:
                return f"file {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    return value


def _read_data(run, name, seen):
    """Return the fingerprint of a data set, which is read once however many runs name it."""
    from moe_lab.datasets import load_dataset

    told = {option: run.get(option) or None for option in ("target", "groups")}
    which = (run[name], *told.values())
    if which not in seen:
        seen[which] = fingerprint(load_dataset(run[name], **told))
    return seen[which]


def _literal(text):
    low = text.strip().lower()
    if low in ("true", "false", "none"):  # as they are typed in a shell
        return {"true": True, "false": False, "none": None}[low]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _number(value):
    """Return a whole number, or inf in words, as a float; anything else as it is."""
    if type(value) is int or str(value).strip().lower() in ("inf", "-inf", "+inf"):
        return float(value)
    return value
