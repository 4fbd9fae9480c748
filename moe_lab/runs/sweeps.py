"""Asking for many runs: fixed parameters, a grid of lists, runs left out and runs added.

All of them are checked before the first kernel starts.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.notebook import read_parameters
from moe_lab.runs.plan import Planned, convert, plan_runs
from moe_lab.runs.runner import find_notebook, kernel_folder

if TYPE_CHECKING:
    from moe_lab.runs.outcome import Outcome

__all__ = ["Sweep", "plan_sweep", "read_grid", "read_sweep", "sweep"]

MANY = 1000  # runs that are taken for meant; more have to be confirmed
KEYS = ("notebook", "experiment", "parameters", "grid", "exclude", "include")


@dataclass(frozen=True)
class Sweep:
    """What is asked for, before the checks.

    Parameters
    ----------
    notebook : str
        Name or path.
    parameters : dict
        Of every run.
    grid : dict of str to list
        Every combination is a run.
    exclude : list of dict
        Combinations that have these values are left out.
    include : list of dict
        A further run each, on top of the fixed parameters.
    experiment : str, optional
        Default: the notebook's name.
    """

    notebook: str
    parameters: dict = field(default_factory=dict)
    grid: dict = field(default_factory=dict)
    exclude: Sequence[dict] = ()
    include: Sequence[dict] = ()
    experiment: str | None = None

    @property
    def n_combinations(self) -> int:
        """How many runs it asks for at most, without making them."""
        alone = not self.grid and self.include
        return (0 if alone else prod(map(len, self.grid.values()))) + len(self.include)


def read_sweep(path: str | Path) -> Sweep:
    """Read what a TOML file asks for.

    Raises
    ------
    ValueError
        If the file is no TOML, has an unknown key, or a value of the wrong kind.
    """
    try:
        told = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"A sweep must be a TOML file, got {path}: {error}.") from error
    for name in told:
        if name not in KEYS:
            raise ValueError(unknown_name("key", name, KEYS, owner=str(path), listed="Keys"))
    if not told.get("notebook"):
        raise ValueError(f'A sweep must name its notebook, got none in {path}; notebook = "...".')
    kinds = {"notebook": str, "experiment": str, "parameters": dict, "grid": dict}
    for name, kind in kinds.items():
        _check_kind(path, name, told.get(name, kind()), kind)
    for name in ("exclude", "include"):
        tables = told.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise ValueError(f"{name} must be tables, got {tables!r} in {path}; write [[{name}]].")
    beside = Path(path).parent / told["notebook"]
    if beside.suffix == ".ipynb" and beside.is_file():
        told["notebook"] = str(beside)
    return Sweep(**told)


def _check_kind(path, name, value, kind):
    if not isinstance(value, kind):
        wanted = "text" if kind is str else f"a table, [{name}]"
        raise ValueError(f"{name} must be {wanted}, got {value!r} in {path}.")


def read_grid(pairs: Sequence[tuple[str, str]]) -> dict[str, list]:
    """Read the grid of a command line: values with commas between, or a list of Python.

    Examples
    --------
    >>> read_grid([("seed", "0,1"), ("methods", "['linear, average', 'stacking']")])
    {'seed': ['0', '1'], 'methods': ['linear, average', 'stacking']}
    """
    grid: dict = {}
    for name, text in pairs:
        if name in grid:
            raise ValueError(f"--grid {name} must come once, got it twice; put commas between.")
        grid[name] = _values(text)
    return grid


def _values(text):
    if text.strip().startswith("["):
        try:
            listed = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"--grid must be a list of literals, got {text!r}.") from error
        if isinstance(listed, list):
            return listed
    return [one.strip() for one in text.split(",") if one.strip()]


def plan_sweep(
    asked: Sweep, cwd: str | Path | None = None, most: int | None = MANY
) -> list[Planned]:
    """Check everything that is asked for, and list the runs.

    Parameters
    ----------
    asked : Sweep
    cwd : str or Path, optional
        The kernel's working directory; default: the notebook's folder.
    most : int or None, default=1000
        More runs are refused; None: as many as there are.

    Returns
    -------
    plan : list of Planned
        In the order of the grid, the last parameter changing quickest; no run twice.

    Raises
    ------
    ValueError
        For an unknown parameter, plugin, data set or column, a wrong type, an empty list, or too
        many runs.
    """
    notebook = find_notebook(asked.notebook)
    folder = kernel_folder(notebook, cwd)
    known = read_parameters(notebook)
    _check_asked(asked, notebook, known)
    if most is not None and asked.n_combinations > most:
        raise ValueError(
            f"A sweep must have at most {most:,} runs unless more are meant, got "
            f"{asked.n_combinations:,}; shorten a list of the grid, or say most=None (--yes)."
        )
    found: dict = {}
    data: dict = {}
    varying = [name for name, values in asked.grid.items() if len(values) > 1]
    varying += [name for one in asked.include for name in one if name not in varying]
    for given in _combinations(asked, known):
        for planned in plan_runs(notebook, given, folder, data):
            told = _title(planned, varying)
            one = replace(planned, title=told, label=asked.experiment or "")
            found.setdefault(repr(sorted(one.parameters.items())), one)
    if not found:
        raise ValueError("A sweep must leave a run to do, got none; exclude less.")
    return list(found.values())


def _check_asked(asked, notebook, known):
    """Check names and types of every value before any data set is read."""
    if not known and (asked.parameters or asked.grid or asked.include):
        raise ValueError(
            f"A notebook must have a cell tagged `parameters` to be run with others, got none in "
            f"{notebook}; tag the cell that assigns them."
        )
    tables = [asked.parameters, *asked.include, *asked.exclude]
    for name in dict.fromkeys(name for table in [*tables, asked.grid] for name in table):
        if name not in known:
            owner = f"notebook {notebook.stem!r}"
            raise ValueError(
                unknown_name("parameter", name, known, owner=owner, listed="Parameters")
            )
    for name, values in asked.grid.items():
        if isinstance(values, str | Mapping) or not isinstance(values, Sequence | range):
            raise TypeError(f"grid.{name} must be a list, got {values!r}; [{values!r}] is one.")
        if not values:
            raise ValueError(f"grid.{name} must list a value at least, got none; leave it out.")
        if name in asked.parameters:
            raise ValueError(
                f"{name} must be fixed or in the grid, got it in both; leave one of them out."
            )
        for value in values:
            convert(name, value, known[name].default)
    for table in tables:
        for name, value in table.items():
            convert(name, value, known[name].default)


def _combinations(asked, known):
    """Yield the parameters of each run that is left."""
    used = [False] * len(asked.exclude)
    rows = product(*asked.grid.values()) if asked.grid or not asked.include else ()
    for row in rows:
        given = {**asked.parameters, **dict(zip(asked.grid, row, strict=True))}
        out = [_matches(given, one, known) for one in asked.exclude]
        used = [a or b for a, b in zip(used, out, strict=True)]
        if not any(out):
            yield given
    for one, was_used in zip(asked.exclude, used, strict=True):
        if not was_used:
            raise ValueError(f"exclude must match a run of the grid, got {one}: none is so.")
    for one in asked.include:
        yield {**asked.parameters, **one}


def _matches(given, excluded, known):
    """Tell whether a run has all the values of an `exclude`; defaults count."""
    values = {name: known[name].default for name in excluded} | given
    return all(
        convert(name, values[name], known[name].default) == convert(name, one, known[name].default)
        for name, one in excluded.items()
    )


def _title(planned, varying):
    """Say what tells a run from its neighbours: the data set, then what the grid varies."""
    told = [f"{name}={planned.parameters[name]}" for name in varying if name != "dataset"]
    return " ".join(part for part in (planned.title, *told) if part)


def sweep(
    notebook: str,
    grid: Mapping[str, Sequence] | None = None,
    *,
    parameters: dict | None = None,
    exclude: Sequence[dict] = (),
    include: Sequence[dict] = (),
    experiment: str | None = None,
    most: int | None = MANY,
    cwd: str | Path | None = None,
    on_event: Callable[[Any], None] | None = None,
    **settings: Any,
) -> list[Outcome]:
    """Run a notebook once for every combination of a grid.

    Parameters
    ----------
    notebook : str
        A name below the lab root's notebooks/, or a path.
    grid : dict of str to list, optional
        Parameter -> its values; every combination is a run.
    parameters : dict, optional
        Of every run.
    exclude, include : sequence of dict
        Combinations left out; further runs, one a dict.
    experiment : str, optional
        Where the runs are kept; default: the notebook's name.
    most : int or None, default=1000
        More runs are refused; None: as many as there are.
    cwd : str or Path, optional
        The kernels' working directory; default: the notebook's folder.
    on_event : callable, optional
        Told what happens; default: a table in the terminal or the notebook.
    **settings
        Of `moe_lab.runs.engine.run_all`: workers, cluster, timeout, memory, retry, force, ...

    Returns
    -------
    outcomes : list of Outcome
    """
    from moe_lab.runs.display import open_display
    from moe_lab.runs.engine import run_all

    asked = Sweep(notebook, parameters or {}, dict(grid or {}), exclude, include, experiment)
    plans = plan_sweep(asked, cwd, most)
    settings["results_dir"] = plans[0].parameters.get("results_dir", "results")
    if on_event:
        return run_all(plans, on_event=on_event, **settings)
    with open_display() as display:
        return run_all(plans, on_event=display.heed, **settings)
