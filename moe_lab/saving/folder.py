"""A model folder: written beside its place and renamed, checked before any file is read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moe_lab.saving.decoding import Decoder
from moe_lab.saving.encoding import Encoder
from moe_lab.saving.files import MODEL, FilesIn, FilesOut, format_of
from moe_lab.saving.manifest import MANIFEST, Manifest, versions_of
from moe_lab.saving.names import Found, qualified
from moe_lab.saving.sources import check_plugins


def save(model: Any, folder: str | Path) -> None:
    """Write a fitted model, or a fitted part of one, into a new folder.

    Parameters
    ----------
    model : object
    folder : str or Path
        It must not be there; it appears when all is written.

    Raises
    ------
    FileExistsError
        If the folder is there.
    TypeError
        If some part of the model cannot be saved; it is named.
    """
    folder = Path(folder).expanduser()
    _check_new(folder)
    files, manifest = _encoded(model, folder)
    beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}"
    beside.mkdir(parents=True)
    try:
        for name, data in {**files, MANIFEST: manifest.as_json()}.items():
            _write(beside / name, data)
        _check_new(folder)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def load(folder: str | Path, *, trusted: Iterable[str] = ()) -> Any:
    """Return the model that ``save`` wrote.

    Parameters
    ----------
    folder : str or Path
    trusted : iterable of str, default=()
        Qualified names of the plugins that the model may import, such as
        ``["moe_lab.experts.huber.HuberExpert"]``; their source must be what it was.

    Returns
    -------
    model : object
        It answers as the one that was saved.

    Raises
    ------
    FileNotFoundError
        If the folder, its manifest or a file is not there.
    ValueError
        If a file was altered or lies elsewhere, the model is of a newer version, or it needs a
        plugin that is not trusted or has changed.
    """
    manifest = Manifest.read(Path(folder).expanduser())
    files = _checked_files(manifest)
    plugins = check_plugins(manifest, trusted)
    manifest.warn_of_versions()
    found = Found(plugins, manifest.versions.get("moe_lab", "?"))
    with warnings.catch_warnings():  # of versions: said once, above
        from sklearn.exceptions import InconsistentVersionWarning

        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return Decoder(FilesIn(files), found).model()


def _encoded(model, folder):
    out = FilesOut()
    encoder = Encoder(out)
    root = encoder.encode(model)
    told = json.dumps({"model": root, "objects": encoder.objects}, allow_nan=False)
    files = {MODEL: told.encode(), **out.written()}
    manifest = Manifest(
        folder=folder,
        model=qualified(type(model)),
        experts=[str(name) for name in getattr(model, "expert_names_", [])],
        files={
            name: {"format": format_of(name), "sha256": _hash(data)} for name, data in files.items()
        },
        plugins={
            name: {"module": one.module, "file": one.path.name, "sha256": one.sha256}
            for name, one in encoder.names.plugins.items()
        },
        versions=versions_of(encoder.names.modules | {format_of(name) for name in files}),
    )
    return files, manifest


def _checked_files(manifest):
    """Return the files of a model, name -> content, each in its place and as it was written."""
    return {name: _checked(manifest, name, told["sha256"]) for name, told in manifest.files.items()}


def _checked(manifest, name, sha256):
    path = manifest.folder / name
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ValueError(
            f"Every file of a model must lie in its folder, got {path}, a link or no file. "
            "Take the folder from where it was saved once more."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} must be in the folder of the model, got {_others(manifest)} in "
            f"{manifest.folder}. Take the folder from where it was saved once more."
        )
    data = path.read_bytes()
    if _hash(data) != sha256:
        raise ValueError(
            f"{name} must be what save wrote, got other content in {path} (sha256 "
            f"{_hash(data)[:12]}, was {sha256[:12]}). Take the folder from where it was saved once "
            "more."
        )
    return data


def _others(manifest):
    there = sorted({one.name for one in manifest.folder.iterdir()} - {MANIFEST})
    strange = [name for name in there if name not in manifest.files]
    return f"{', '.join(strange)} instead" if strange else f"only {', '.join(there) or 'nothing'}"


def _check_new(folder):
    if os.path.lexists(folder):
        raise FileExistsError(
            f"folder must be new, got {str(folder)!r}, which exists. Choose another name, or "
            f"remove it first: shutil.rmtree({str(folder)!r})."
        )


def _write(path, data):
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _hash(data):
    return hashlib.sha256(data).hexdigest()
