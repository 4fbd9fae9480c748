"""Classes and functions by name: those on the list of what is built in, and plugins."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from moe_lab.saving import sources
from moe_lab.saving.files import Unreadable
from moe_lab.saving.trusted import MENTIONED, TRUSTED

HERE = Path(__file__).resolve().parent.parent


class Unsaveable(TypeError):
    """Something in a model that cannot be saved."""

    def __init__(self, where: str, value: object, why: str = ""):
        what = qualified(value if hasattr(value, "__qualname__") else type(value))
        why = why or (
            "neither moe_lab nor skops knows how to save it. If it belongs to a plugin of yours, "
            "give that save_state() and load_state(state), see moe_lab.saving.SavesState"
        )
        at = f"{where}, a " if where else "a "
        super().__init__(
            f"What is saved must be made of parts that are known, got {at}{what}: {why}."
        )


def qualified(kind: Any) -> str:
    """Return the name of a class or function with its module's.

    Examples
    --------
    >>> qualified(Path)
    'pathlib.Path'
    """
    return f"{kind.__module__}.{kind.__qualname__}"


class Names:
    """The classes and functions of one model, collected while it is saved.

    Attributes
    ----------
    plugins : dict
        Qualified name -> `sources.Source`, of those that are not built in.
    modules : set of str
        The packages they come from.
    """

    def __init__(self):
        self.plugins: dict[str, sources.Source] = {}
        self.modules: set[str] = set()

    def of(self, value: Any, refuse: Callable) -> str:
        """Return the name of a class or function by which ``load`` finds it again."""
        name = _built_in(value)
        if name is None:
            name = qualified(value)
            if name not in self.plugins:
                self.plugins[name] = _plugin(value, refuse)
        self.modules.add(name.partition(".")[0])
        return name


def _built_in(value):
    name = qualified(value)
    if name in TRUSTED:
        return name
    for name in MENTIONED:  # those written in C tell another module, or none
        module, _, own = name.rpartition(".")
        if getattr(sys.modules.get(module), own, None) is value:
            return name
    return None


def _plugin(value, refuse):
    module, name = value.__module__, value.__qualname__
    if module == "__main__" or "<" in name:
        raise refuse(
            value,
            f"{name} is defined in a live cell, a script or a function, where load could not find "
            "it; write it into a file of registry/ or a module of your own",
        )
    source = sources.source_of(module)
    if source is None:
        raise refuse(value)
    if find(sys.modules.get(module), name) is not value:
        raise refuse(value, f"{module} has no {name}, or another one; is it made by a function?")
    if HERE in source.path.parents:
        raise refuse(value, "it is built in, but not listed in moe_lab/saving/trusted.py; add it")
    return source


def find(module: Any, name: str) -> Any:
    """Return what a dotted name means in a module, None where there is no such thing."""
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


class Found:
    """Finds classes and functions of a saved model again.

    Parameters
    ----------
    plugins : mapping of str to str
        Qualified name -> module, of those that are trusted and as they were.
    version : str
        Of the package that saved the model.
    """

    def __init__(self, plugins: Mapping[str, str], version: str):
        self.plugins, self.version = plugins, version
        self._known = {*TRUSTED, *MENTIONED, *plugins}

    def __call__(self, name: Any) -> Any:
        if not isinstance(name, str) or name not in self._known:
            raise Unreadable(
                f"Every class of a model must be built in or among its plugins, got {name!r}, "
                f"saved by moe_lab {self.version}. Load it with the moe_lab that saved it."
            )
        module = self.plugins.get(name) or name.rpartition(".")[0]
        found = find(importlib.import_module(module), name.removeprefix(f"{module}."))
        if found is None:
            raise Unreadable(
                f"{name} must be where it was when the model was saved, got none in {module}. "
                "Install the version that saved the model, or fit and save it again."
            )
        return found
