"""Finding and importing plugins; one that breaks is set aside, named and leaves the rest alone."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from moe_lab.registry.guarding import guarded
from moe_lab.registry.lab import drop_in_folder, misplaced_files

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

registries: list = []  # every Registry there is: a file may register in several
_loaded: dict[str, list] = {}
_told: set[str] = set()
_HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Failure:
    """A plugin that was left out: its name, its file or package, what it raised and where."""

    name: str
    origin: str
    exception: BaseException
    traceback: TracebackType | None

    def report(self) -> None:
        """Warn that the plugin is left out; raise instead under `$MOE_LAB_STRICT`."""
        if is_strict():
            self.raise_own()
        warnings.warn(
            f"{self.origin} is left out: {type(self.exception).__name__}: {self.exception} "
            "(ask for it by name to see its traceback; MOE_LAB_STRICT=1 stops at once)",
            stacklevel=2,
        )

    def raise_own(self) -> NoReturn:
        """Raise the plugin's own exception with its own traceback."""
        if isinstance(self.exception, SystemExit):  # as it is, it would end the caller's program
            raise ImportError(
                f"plugin {self.name!r} must not exit Python when it is imported, got "
                f"{self.exception!r} from {self.origin}; take the call out."
            ) from self.exception
        raise self.exception.with_traceback(self.traceback)


def load_package(package: str) -> list[Failure]:
    """Import every module of a package and every drop-in that extends it, once.

    Returns
    -------
    failures : list of Failure
        What was left out, and why.
    """
    if package not in _loaded:
        _tell_misplaced()
        _loaded[package] = []
        try:
            for name, origin, load in _plugins(package):
                _attempt(name, origin, load, _loaded[package])
        except BaseException:  # strict, or interrupted: the next call starts again
            del _loaded[package]
            raise
    return _loaded[package]


def _tell_misplaced():
    for sentence in misplaced_files():
        if is_strict():
            raise ValueError(sentence)
        if sentence not in _told:
            _told.add(sentence)
            warnings.warn(sentence, stacklevel=2)


def is_strict() -> bool:
    """Tell whether `$MOE_LAB_STRICT` asks to stop at the first broken plugin."""
    return os.environ.get("MOE_LAB_STRICT", "0") not in ("", "0")


def registers_nothing(origin: str, name: str, kinds: list[str]) -> ValueError:
    """Return the error for a plugin that does not register what it is called by."""
    return ValueError(
        f"{origin} must register {name!r} as {' or '.join(kinds)}, got nothing of that name; "
        f'decorate its class with @registry.register("{name}").'
    )


def origin(module: str, label: str) -> str:
    """Say where a plugin comes from: built-in module, file, script or live cell."""
    path = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__":
        return f"{path or 'a live cell'} ({module}.{label})"
    if path is None:
        return f"{module}.{label}"
    return module if _HERE in Path(path).resolve().parents else str(path)


def entry_point_origin(point: EntryPoint) -> str:
    """Say which installed package brings an entry point."""
    source = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"entry point {point.name} = {point.value}{source}"


def _plugins(package):
    """Yield (name, origin, load) for a package, its own modules and its drop-ins."""
    yield package.rpartition(".")[2], package, lambda: importlib.import_module(package)
    built_in = _module_names(_own_folder(package))
    for name in sorted(built_in, key=lambda name: (name != "base", name)):
        if name.startswith("_"):  # a private part may import torch: only its plugin asks for it
            continue
        module = f"{package}.{name}"
        yield name, module, lambda module=module: importlib.import_module(module)
    folder = drop_in_folder(package)
    for name in _module_names(folder) if folder else []:
        if not name.startswith("_"):  # a plugin's private part
            path = next(folder.glob(f"{name}.py"), folder / name)
            yield (
                name,
                str(path),
                lambda name=name, path=path: _drop_in(package, name, path, built_in),
            )


def _attempt(name, origin, load, failures):
    try:
        load()
    except (Exception, SystemExit) as error:
        failures.append(Failure(name, origin, error, error.__traceback__))
        failures[-1].report()


def _drop_in(package, name, path, built_in):
    if name in built_in:
        raise ValueError(
            f"a drop-in's file must not be named like a built-in one, got {path}, which "
            f"{package}.{name} shadows; rename the file."
        )
    if not name.isidentifier():
        raise ValueError(f"a drop-in's file name must be a Python name, got {path}; rename it.")
    module = f"{package}.{name}"
    served = [registry for registry in registries if package in registry.packages]
    try:
        guarded(str(path), lambda: importlib.import_module(module))
        if not any(registry._holds(name, module) for registry in served):
            raise registers_nothing(str(path), name, [registry.kind for registry in served])
    except BaseException:
        for registry in registries:
            registry._forget(module)
        raise


def _own_folder(package):
    path = getattr(sys.modules.get(package), "__path__", None)  # None: a module, or broken
    return path[0] if path else None  # drop-in folders stand behind it


def _module_names(folder):
    return [found.name for found in pkgutil.iter_modules([str(folder)])] if folder else []
