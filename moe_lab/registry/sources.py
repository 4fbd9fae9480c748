"""What the files of a lab's registry/ import from each other, read without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from moe_lab.registry.lab import FOLDERS, drop_in_folder


def imported_names(source: str, package: str = "") -> Iterator[str]:
    """Yield the names of modules that code imports, and of what it takes from them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join(
                [*(start if node.level else []), *([node.module] if node.module else [])]
            )
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def lab_files_of(module: str) -> dict[str, Path]:
    """Return module -> file of a drop-in and of all that it imports from the lab's registry/."""
    found: dict[str, Path] = {}
    to_do = [module]
    while to_do:
        name = to_do.pop()
        path = _file_of(name)
        if path is None or name in found:
            continue
        found[name] = path
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        to_do += imported_names(path.read_text("utf-8", "replace"), package)
    return found


def digests_of(module: str) -> dict[str, str]:
    """Return module -> hash of the file of a drop-in and of all that `lab_files_of` names."""
    files = lab_files_of(module).items()
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in files}


def _file_of(module):
    package = next((one for one in FOLDERS.values() if module.startswith(f"{one}.")), None)
    folder = drop_in_folder(package) if package else None
    if folder is None:
        return None
    path = folder.joinpath(*module.removeprefix(f"{package}.").split("."))
    places = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((place for place in places if place.is_file()), None)
