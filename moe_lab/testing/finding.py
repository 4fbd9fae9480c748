"""Finding the plugins that are to be checked: by a name, or in a file."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from moe_lab.registry import lab_root, loading
from moe_lab.registry.guarding import guarded
from moe_lab.registry.kinds import find_kind, kinds
from moe_lab.registry.lab import FOLDERS
from moe_lab.registry.spelling import unknown_name

if TYPE_CHECKING:
    from types import ModuleType

    from moe_lab.registry.plugins import Registry


class NotThere(ValueError):
    """There is no plugin of that name, and no such file."""


def plugins(
    target: str, kind: str | None, pickled: str | None = None
) -> list[tuple[Registry, str]]:
    """Return (list, name) of each plugin that a target means.

    Parameters
    ----------
    target : str
        A registered name, or a path.
    kind : str, optional
    pickled : str, optional
        A file with the class, from another process's notebook cell, that is to get the name.

    Raises
    ------
    NotThere
        If there is none.
    """
    try:
        lists = [find_kind(kind)] if kind else list(kinds().values())
    except ValueError as error:
        raise NotThere(str(error)) from error
    if pickled:
        lists[0].register(target, pickle.loads(Path(pickled).read_bytes()))
        return [(lists[0], target)]
    if target.endswith(".py") or "/" in target or "\\" in target:
        return _of_file(Path(target).expanduser().resolve(), lists)
    return _of_name(target, lists)


def _of_name(name, lists):
    found = [(one, name) for one in lists if name in one]
    if found:
        for one, _ in found:
            one.get(name)  # an entry point is imported here
        return found
    for one in lists:
        if name in one.broken:
            one.get(name)  # raises what it raised
    known = sorted({name for one in lists for name in one.names()})
    what = lists[0].kind if len(lists) == 1 else "plugin"
    raise NotThere(unknown_name(what, name, known))


def _of_file(path, lists):
    if not path.exists():
        raise NotThere(f"FILE must be there, got {str(path)!r}; correct the path, or give a name.")
    module = _drop_in(path, lists) or _import(path)
    found = [
        (one, name)
        for one in lists
        for name, entry in sorted(one._entries.items())
        if entry.module == module
    ]
    if not found:
        what = " or ".join(one.kind for one in lists)
        raise loading.registers_nothing(str(path), path.stem, [what])
    return found


def _drop_in(path, lists):
    """Import a file of the lab's registry/ as what it is there; None for another file."""
    top = (lab_root() or Path("/nowhere")) / "registry"
    for folder, package in FOLDERS.items():
        if path.parent == top / folder:
            for one in loading.registries:
                if package in one.packages:
                    one.names()
                    if path.stem in one._broken:
                        one.get(path.stem)
            return f"{package}.{path.stem}"
    return None


def _import(path):
    name = path.stem if path.stem not in sys.modules else f"checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise NotThere(f"FILE must be a file of Python, got {str(path)!r}.")
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that pickle finds it
    guarded(str(path), lambda: spec.loader.exec_module(module))
    return name
