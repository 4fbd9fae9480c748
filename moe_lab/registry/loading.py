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
from moe_lab.registry.sources import digests_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

registries: list = []  # every Registry there is: a file may register in several
tried: dict[DropIn, dict] = {}  # module -> hash of its file and of what it imports from the lab
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


@dataclass(frozen=True)
class DropIn:
    """A file or folder of the lab's registry/ that is to be a plugin."""

    package: str
    name: str
    path: Path

    @property
    def module(self) -> str:
        """Its name for `import`."""
        return f"{self.package}.{self.name}"

    @property
    def registries(self) -> list:
        """The lists that it may stand in."""
        return [registry for registry in registries if self.package in registry.packages]


def drop_ins(package: str) -> list[DropIn]:
    """Return the drop-ins that extend a package; a private part is none."""
    folder = drop_in_folder(package)
    names = [name for name in _module_names(folder) if not name.startswith("_")]
    return [
        DropIn(package, name, next(folder.glob(f"{name}.py"), folder / name))  # type: ignore[union-attr]
        for name in names
    ]


def built_in(package: str) -> list[str]:
    """Return the names of a package's own files and folders, which no drop-in may have."""
    return _module_names(_own_folder(package))


def attempt(one: DropIn) -> Failure | None:
    """Import a drop-in; return what came in the way."""
    try:
        _import_drop_in(one)
    except (Exception, SystemExit) as error:
        return Failure(one.name, str(one.path), error, error.__traceback__)
    return None


def load_package(package: str) -> list[Failure]:
    """Import every module of a package and every drop-in that extends it, once.

    Returns
    -------
    failures : list of Failure
        What was left out, and why.
    """
    if package not in _loaded:
        _tell_misplaced()
        failures = _loaded[package] = []
        try:
            for name, module in _own_modules(package):
                _set_aside(_attempt_own(name, module), failures)
            for one in drop_ins(package):
                _set_aside(attempt(one), failures)
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


def _own_modules(package):
    """Yield (name, module) of a package and of its own files, its contract first."""
    yield package.rpartition(".")[2], package
    names = built_in(package)
    for name in sorted(names, key=lambda name: (name != "base", name)):
        if not name.startswith("_"):  # a private part may import torch: only its plugin asks for it
            yield name, f"{package}.{name}"


def _attempt_own(name, module):
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        return Failure(name, module, error, error.__traceback__)
    return None


def _set_aside(failure, failures):
    if failure is not None:
        failures.append(failure)
        failure.report()


def _import_drop_in(one):
    tried[one] = digests_of(one.module)
    if one.name in built_in(one.package):
        raise ValueError(
            f"a drop-in's file must not be named like a built-in one, got {one.path}, which "
            f"{one.module} shadows; rename the file."
        )
    if not one.name.isidentifier():
        raise ValueError(f"a drop-in's file name must be a Python name, got {one.path}; rename it.")
    try:
        guarded(str(one.path), lambda: importlib.import_module(one.module))
        if not any(registry._holds(one.name, one.module) for registry in one.registries):
            kinds = [registry.kind for registry in one.registries]
            raise registers_nothing(str(one.path), one.name, kinds)
    except BaseException:
        for registry in registries:
            registry._forget(one.module)
        raise


def _own_folder(package):
    path = getattr(sys.modules.get(package), "__path__", None)  # None: a module, or broken
    return path[0] if path else None  # drop-in folders stand behind it


def _module_names(folder):
    return [found.name for found in pkgutil.iter_modules([str(folder)])] if folder else []
