"""Taking up what was edited in the lab's registry/, without a restart.

Files are compared by hash. A changed one is imported as a new module; the old one lives on in the
instances that were made of it, and comes back where the new one cannot be imported.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import cache_from_source
from pathlib import Path

from moe_lab.registry import loading
from moe_lab.registry.kinds import kinds
from moe_lab.registry.lab import FOLDERS
from moe_lab.registry.sources import digests_of, lab_files_of

__all__ = ["reload_plugins"]


def reload_plugins() -> list[str]:
    """Import again what changed below the lab's registry/, and what is new there.

    Instances that were made before keep the code they were made of. A file that cannot be imported
    any more leaves its plugin as it was. Installed packages and built-in plugins are not looked at.

    Returns
    -------
    told : list of str
        What came of each file, one sentence each.
    """
    for plugins in kinds().values():  # all that is there has been tried once
        plugins.names()
    there = [one for package in FOLDERS.values() for one in loading.drop_ins(package)]
    gone = [one for one in loading.tried if one not in there]
    changed = [one for one in there if _is_to_be_tried(one)]
    old = {one: _taken_out(one) for one in [*changed, *gone]}
    importlib.invalidate_caches()
    told = [_say_gone(one) for one in gone] + [_again(one, *old[one]) for one in changed]
    if told:
        _end_workers()
    return told


def _is_to_be_tried(one):
    broken = any(one.name in registry._broken for registry in one.registries)
    return broken or loading.tried.get(one) != digests_of(one.module)


def _taken_out(one):
    """Take out the modules that a drop-in must import again, and what it registered."""
    before = loading.tried.get(one, {})
    stale = [name for name in before if digests_of(name).items() - before.items()]
    for path in (path for name in stale for path in lab_files_of(name).values()):
        # What is compiled knows the time of its source, which may be that of the last edit.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
    modules = {name: sys.modules.pop(name) for name in [*stale, one.module] if name in sys.modules}
    return modules, [(registry, registry._forget(one.module)) for registry in loading.registries]


def _again(one, modules, entries):
    known = any(taken for _, taken in entries)
    failure = loading.attempt(one)
    if failure is None:
        return f"{one.path} is {'loaded again' if known else 'loaded'}."
    why = f"{type(failure.exception).__name__}: {failure.exception}"
    if not known:
        for registry in one.registries:
            registry._broken[one.name] = failure
        return f"{one.path} is left out: {why}"
    sys.modules.update({name: old for name, old in modules.items() if name not in sys.modules})
    for registry, taken in entries:
        registry._entries |= taken
    return f"{one.path} cannot be loaded, so that its plugin stays as it was: {why}"


def _say_gone(one):
    del loading.tried[one]
    for registry in one.registries:
        registry._broken.pop(one.name, None)
    return f"{one.path} is gone, and so is what it registered."


def _end_workers():
    """End joblib's workers, which would go on with the modules that they have imported."""
    loky = sys.modules.get("joblib.externals.loky")
    if loky is not None:
        loky.get_reusable_executor().shutdown(wait=True)
