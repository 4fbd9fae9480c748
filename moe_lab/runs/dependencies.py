"""What a run depended on beside its key: plugins created, local modules imported, libraries.

Known only when the run has ended, and therefore recorded, and compared before the next one of
the same key is skipped.
"""

import json
import site
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import psutil

from moe_lab.registry import lab_root
from moe_lab.registry.loading import registries
from moe_lab.registry.sources import imported_names
from moe_lab.runs.provenance import digest, version

__all__ = ["changed_files", "changed_versions", "dependencies", "imported_libraries"]

CLOCKS = 1.5  # seconds by which the clocks of files and of processes may differ
_PACKAGE = Path(__file__).resolve().parents[1]
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "cv2": "opencv-python",
}


def dependencies() -> dict:
    """Return what this process depends on; a kernel is asked after its last cell.

    Returns
    -------
    depended : dict
        plugins (list of kind, name, origin and files), modules (path -> hash), versions
        (distribution -> version). Files of moe_lab are left out: the key has its source.
    """
    plugins = [_plugin(registry, name) for registry in registries for name in registry.created]
    local = dict(_local_modules())
    sources = [*local.values(), *(lab_path(file) for one in plugins for file in one["files"])]
    libraries = imported_libraries(path.read_text("utf-8", "replace") for path in sources)
    return {
        "plugins": sorted(plugins, key=lambda one: (one["kind"], one["name"])),
        "modules": {_shown(path): _hash(name, path) for name, path in sorted(local.items())},
        "versions": {**libraries, **_versions_of_entry_points()},
    }


def told() -> str:
    """Return `dependencies` as JSON."""
    return json.dumps(dependencies())


def changed_files(record: dict) -> list[str]:
    """Say which plugins and modules of a run are no longer what they were."""
    if "unknown" in record:
        return [f"what it depended on ({record['unknown']})"]
    changed = [
        f"the {plugin['kind']} {plugin['name']!r} ({file})"
        for plugin in record.get("plugins", [])
        for file in _differing(plugin["files"])
    ]
    return changed + [f"the module {file}" for file in _differing(record.get("modules", {}))]


def changed_versions(record: dict) -> list[str]:
    """Say which libraries have other versions than when a run was made."""
    found = []
    for name, before in record.get("versions", {}).items():
        now = before if name == "moe_lab" else version(name)
        if now != before:
            found.append(f"{name} {before or 'not installed'}, now {now or 'not installed'}")
    return found


def imported_libraries(sources: Iterable[str]) -> dict:
    """Return distribution -> version of what the code imports by name, but for Python's own."""
    tops = {name.partition(".")[0] for source in sources for name in imported_names(source)}
    names = {_DISTRIBUTIONS.get(top, top) for top in tops - sys.stdlib_module_names - {"moe_lab"}}
    return {name: found for name in sorted(names) if (found := version(name))}


def lab_path(shown: str) -> Path:
    """Return the path of a file as `dependencies` names it, relative to the lab root if below."""
    return (lab_root() or Path.cwd()) / shown


def _plugin(registry, name):
    entry = registry.entry(name)
    files = {} if entry is None else _files_of(entry.module)
    return {
        "kind": registry.kind,
        "name": name,
        "origin": entry.origin if entry else None,
        "files": {_shown(path): _hash(module, path) for module, path in sorted(files.items())},
    }


def _files_of(module):
    """Return module -> file of a plugin and of all that it imports from its lab or its package."""
    found, to_do = {}, [module]
    while to_do:
        name = to_do.pop()
        path = _file(sys.modules.get(name))
        if name in found or path is None or name == "__main__" or path.is_relative_to(_PACKAGE):
            continue
        found[name] = path
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        for imported in imported_names(path.read_text("utf-8", "replace"), package):
            to_do += [imported] if _top(imported) == _top(name) else []
    return found


def _local_modules():
    """Yield (name, file) of imported modules that no installer has put there."""
    roots = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    roots += [*site.getsitepackages(), site.getusersitepackages()]
    installed = {Path(root).resolve() for root in roots} | {_PACKAGE}
    starts = tuple(f"{root}/" for root in [*roots, *installed])
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(starts):  # nearly all, and quickly
            continue
        path = _file(module) if name != "__main__" else None
        if path is None or any(path.is_relative_to(root) for root in installed):
            continue
        if not _is_drop_in(name, path):
            yield name, path


def _is_drop_in(name, path):
    """Tell whether a module is a file of the lab's registry/: all of them are always imported."""
    root = lab_root()
    return bool(root) and name.startswith("moe_lab.") and path.is_relative_to(root / "registry")


def _versions_of_entry_points():
    dists = [registry.entry(name).dist for registry in registries for name in registry.created]
    return {dist.name: dist.version for dist in dists if dist}


def _differing(files):
    return [file for file, known in files.items() if known is None or known != _digest(file)]


def _digest(file):
    path = lab_path(file)
    return digest(path.read_bytes()) if path.is_file() else None


def _hash(name, path):
    """Return a file's hash; None where it was changed after the import."""
    return digest(path.read_bytes()) if _is_as_imported(sys.modules[name], path) else None


def _is_as_imported(module, path):
    """Compare a file with the time and size of the source that its bytecode was made of.

    Without bytecode the file must not be younger than this process.
    """
    now = path.stat()
    try:
        with open(module.__cached__, "rb") as file:
            header = file.read(16)
    except (AttributeError, OSError, TypeError):
        return now.st_mtime < psutil.Process().create_time() + CLOCKS
    flags, mtime, size = (int.from_bytes(header[k : k + 4], "little") for k in (4, 8, 12))
    return flags != 0 or (mtime, size) == (int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF)


def _file(module):
    path = getattr(module, "__file__", None)
    path = Path(path).resolve() if isinstance(path, str) else None
    return path if path and path.is_file() else None


def _top(name):
    return name.partition(".")[0]


def _shown(path):
    root = lab_root()
    return path.relative_to(root).as_posix() if root and path.is_relative_to(root) else str(path)
