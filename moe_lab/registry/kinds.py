"""Kinds of plugins: one word each, and the folder below registry/ where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moe_lab.registry import loading
from moe_lab.registry.lab import FOLDERS
from moe_lab.registry.spelling import unknown_name

if TYPE_CHECKING:
    from moe_lab.registry.plugins import Registry


def kinds() -> dict[str, Registry]:
    """Return the lists of plugins by kind, each one word: "expert", "gate", "dataset", ..."""
    own = [one for one in loading.registries if one.group in FOLDERS.values()]
    return {_word(one.kind): one for one in own}


def find_kind(word: str) -> Registry:
    """Return the list that a word means: "gate", "gates", "data set", or its folder, "pool", say.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    known = kinds()
    spelt = known | {folder_of(plugins): plugins for plugins in known.values()}
    for one in (_word(word), _word(word).removesuffix("s")):
        if one in spelt:
            return spelt[one]
    raise ValueError(unknown_name("kind of plugin", word, known, listed="Kinds"))


def folder_of(plugins: Registry) -> str:
    """Return the folder below registry/ for the plugins of a list."""
    return plugins.packages[0].rpartition(".")[2]


def variable_of(plugins: Registry) -> str:
    """Return the name by which `moe_lab.registry` offers a list: "experts", "datasets", ..."""
    return f"{_word(plugins.kind)}s"


def _word(kind):
    return kind.replace(" ", "").lower()
