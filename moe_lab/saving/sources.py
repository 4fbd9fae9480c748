"""The source of plugins: where it lies, and the hash that says whether it has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moe_lab.registry.lab import FOLDERS
from moe_lab.saving.manifest import Manifest


@dataclass(frozen=True)
class Source:
    """What defines a plugin: its module, the file or folder of it, and their hash."""

    module: str
    path: Path
    sha256: str


def source_of(module: str) -> Source | None:
    """Return the source of a module, without importing it; None where no plugin can be in it.

    That of a drop-in which is a package is all its Python files.
    """
    if module.partition(".")[0] in sys.stdlib_module_names:
        return None
    drop_in = _drop_in(module)
    path = _file(drop_in or module)
    if path is None or not path.is_file():
        return None
    whole = [path]
    if drop_in and path.name == "__init__.py":
        whole = sorted(path.parent.rglob("*.py"))
    digest = hashlib.sha256()
    for one in whole:
        name = one.relative_to(path.parent).as_posix()
        digest.update(f"{name} {hashlib.sha256(one.read_bytes()).hexdigest()}\n".encode())
    return Source(module, path.resolve(), digest.hexdigest())


def check_plugins(manifest: Manifest, trusted: Iterable[str]) -> dict[str, str]:
    """Return the modules of a model's plugins, once all are trusted and as they were.

    Raises
    ------
    ValueError
        If one is not trusted, not there, or has changed.
    """
    trusted = [trusted] if isinstance(trusted, str) else list(trusted)
    untrusted = sorted(set(manifest.plugins) - set(trusted))
    if untrusted:
        raise ValueError(
            "trusted must name every plugin of a model, since load imports and runs its code, got "
            f"nothing of {', '.join(untrusted)}. If you know the code: "
            f"load({str(manifest.folder)!r}, trusted={sorted(manifest.plugins)})."
        )
    for name, told in manifest.plugins.items():
        _check(name, told, source_of(told["module"]))
    return {name: told["module"] for name, told in manifest.plugins.items()}


def _check(name, told, source):
    if source is None:
        raise ValueError(
            f"The source of {name} must be there, got no module {told['module']} ({told['file']} "
            "when the model was saved). Bring the file back, or set MOE_LAB_ROOT to its lab."
        )
    if source.sha256 != told["sha256"]:
        raise ValueError(
            f"The source of {name} must be what it was when the model was saved, got another "
            f"{source.path} (sha256 {source.sha256[:12]}, was {told['sha256'][:12]}). Bring the "
            "old one back, or fit and save the model again."
        )


def _drop_in(module):
    """Return the drop-in that a module is or is part of, None where it is none."""
    for package in FOLDERS.values():
        if module.startswith(f"{package}."):
            return ".".join(module.split(".")[: package.count(".") + 2])
    return None


def _file(module):
    loaded = sys.modules.get(module)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        return Path(file) if file else None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.has_location else None
