"""The manifest of a saved model: who wrote it, with what, and the hashes of its files."""

from __future__ import annotations

import json
import platform
import re
import warnings
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import moe_lab
from moe_lab.saving.files import format_of

MANIFEST = "manifest.json"
FORMAT = 1  # of the folder; a reader knows it and those before
PACKAGES = {"sklearn": "scikit-learn", "rtdl_num_embeddings": "rtdl-num-embeddings"}
SHA256 = re.compile(r"[0-9a-f]{64}")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says.

    Parameters
    ----------
    folder : Path
        Where it lies; not part of it.
    model : str
        Class of the model.
    experts : list of str
        What the experts are called.
    files : dict
        Name -> {"format": ..., "sha256": ...}, of every other file.
    plugins : dict
        Qualified name -> {"module": ..., "file": ..., "sha256": ...}.
    versions : dict
        Package -> version.
    format : int
    """

    folder: Path
    model: str
    experts: list[str]
    files: dict[str, dict]
    plugins: dict[str, dict]
    versions: dict[str, str]
    format: int = field(default=FORMAT)

    def as_json(self) -> bytes:
        """Return the content of the file."""
        told = {key: value for key, value in asdict(self).items() if key != "folder"}
        return (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check the manifest of a folder.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If it is none, or of a newer version.
        """
        path = folder / MANIFEST
        if not folder.is_dir() or not path.is_file() or path.is_symlink():
            what = "no such folder" if not folder.exists() else f"none in {folder}"
            raise FileNotFoundError(
                f"folder must be what save wrote, with a {MANIFEST}, got {str(folder)!r}: {what}. "
                "Correct the path."
            )
        try:
            told = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise _damaged(path, str(error)) from error
        _check_version(told, path)
        wrong = next((text for text in _faults(told)), None)
        if wrong:
            raise _damaged(path, wrong)
        return cls(folder=folder, **{name: told[name] for name in _FIELDS})

    def warn_of_versions(self) -> None:
        """Warn where scikit-learn is of another minor version than when the model was saved."""
        was, now = self.versions.get("scikit-learn"), version("scikit-learn")
        if was is not None and _numbers(was)[:2] != _numbers(now)[:2]:
            warnings.warn(
                f"{self.folder} was saved with scikit-learn {was} and is loaded with {now}, which "
                "does not promise to read it alike: check some predictions, or run pip install "
                f"'scikit-learn=={was}'.",
                UserWarning,
                stacklevel=3,
            )


def versions_of(modules: set[str]) -> dict[str, str]:
    """Return the versions of the packages that a model is made of."""
    found = {"python": platform.python_version(), "moe_lab": moe_lab.__version__}
    for module in {"numpy", "sklearn", *modules} - {"moe_lab", "builtins", "collections"}:
        name = PACKAGES.get(module, module)
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a module of the user's own
            continue
    return found


_FIELDS = {
    "model": str,
    "experts": list,
    "files": dict,
    "plugins": dict,
    "versions": dict,
    "format": int,
}


def _check_version(told, path):
    saved = told.get("format") if isinstance(told, dict) else None
    if type(saved) is not int or saved < 1:
        raise _damaged(path, f"format is {saved!r}")
    versions = told.get("versions")
    by = str(versions.get("moe_lab")) if isinstance(versions, dict) else "?"
    if saved > FORMAT or _numbers(by) > _numbers(moe_lab.__version__):
        raise ValueError(
            f"A model must be saved by no newer moe_lab than the one that loads it, got {by} "
            f"(format {saved}) in {path.parent}, and this is {moe_lab.__version__} (format "
            f"{FORMAT}). Run pip install -U moe_lab."
        )


def _faults(told):
    """Say what is wrong with a manifest."""
    for name, kind in _FIELDS.items():
        if not isinstance(told.get(name), kind):
            yield f"{name} is {told.get(name)!r}"
            return
    for name, entry in told["files"].items():
        if not FILE_NAME.fullmatch(name) or name == MANIFEST:
            yield f"files names {name!r}, which is no file in the folder"
        elif not isinstance(entry, dict) or not _is_hash(entry.get("sha256")):
            yield f"{name} has no sha256"
        elif format_of(name) is None or entry.get("format") != format_of(name):
            yield f"{name} is of the unknown format {entry.get('format')!r}"
    for name, entry in told["plugins"].items():
        if not _is_plugin(name, entry):
            yield f"plugin {name!r} is {entry!r}"
    if not all(isinstance(one, str) for one in told["versions"].values()):
        yield f"versions is {told['versions']!r}"


def _is_plugin(name, entry):
    told = isinstance(entry, dict) and all(
        isinstance(entry.get(key), str) for key in ("module", "file", "sha256")
    )
    return told and name.startswith(f"{entry['module']}.") and _is_hash(entry["sha256"])


def _is_hash(text: Any) -> bool:
    return isinstance(text, str) and SHA256.fullmatch(text) is not None


def _damaged(path, why):
    return ValueError(
        f"{path.name} must be what save wrote, got {why} in {path}. Take the folder from where it "
        "was saved once more."
    )


def _numbers(text):
    """Return the numbers of a version, major first; what has none is the oldest."""
    return tuple(int(one) for one in re.findall(r"\d+", text))
