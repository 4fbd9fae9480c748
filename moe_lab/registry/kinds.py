"""Kinds of plugins: one word each, and the folder below registry/ where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.registry import loading
from moe_lab.registry.lab import FOLDERS

if TYPE_CHECKING:
    from moe_lab.registry.plugins import Registry


def kinds() -> dict[str, Registry]:
    """Return the lists of plugins by kind, each one word: "expert", "gate", "dataset", ..."""
    own = [one for one in loading.registries if one.group in FOLDERS.values()]
    return {one.kind.replace(" ", ""): one for one in own}


def folder_of(plugins: Registry) -> str:
    """Return the folder below registry/ for the plugins of a list."""
    return plugins.packages[0].rpartition(".")[2]
