"""Import of drop-ins: registry/experts/NAME.py of the lab is the module moe_lab.experts.NAME.

A real module name is what makes pickle, joblib workers and fresh processes work.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

from moe_lab.registry.lab import FOLDERS, drop_in_folder

if TYPE_CHECKING:
    from types import ModuleType


class DropInFinder:
    """Last resort of `import` for names below the packages that drop-ins extend."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Extend the package's `__path__` by the lab's folder and look there."""
        package, _, name = fullname.rpartition(".")
        if package not in FOLDERS.values() or name.startswith("__"):
            return None
        folder = drop_in_folder(package)
        if folder is not None:
            extended = sys.modules[package].__path__
            if str(folder) not in extended:
                extended.append(str(folder))
            spec = PathFinder.find_spec(fullname, [str(folder)], target)
            if spec is not None:
                return spec
        raise ModuleNotFoundError(_missing(fullname, package, name), name=fullname)


def install() -> None:
    """Let `import` find drop-ins; needs to be done once a process."""
    if DropInFinder not in sys.meta_path:
        sys.meta_path.append(DropInFinder)


def _missing(fullname, package, name):
    folder = next(folder for folder, extended in FOLDERS.items() if extended == package)
    root = os.environ.get("MOE_LAB_ROOT")
    now = f"{root}, which has no such file" if root else "not set"
    return (
        f"No module named {fullname!r}. If a lab's own plugin is meant, set MOE_LAB_ROOT to the "
        f"lab whose registry/{folder}/{name}.py defines it (MOE_LAB_ROOT is {now})."
    )
