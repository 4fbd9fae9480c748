"""What makes two runs the same: code, parameters, plugins, data."""

import hashlib
import json
from pathlib import Path

import moe_lab
from moe_lab.registry import lab_root
from moe_lab.runs.notebook import code_cells

__all__ = ["fingerprint", "run_key"]


NOT_IN_KEY = ("results_dir",)  # where results go does not change them


def run_key(notebook, parameters, data="") -> str:
    """Return the key of a run: two runs of one key would give the same results.

    Parameters
    ----------
    notebook : Path
        Its code cells count, except the one of the parameters.
    parameters : dict
        All parameters with their values; `results_dir` does not count.
    data : str, default=""
        Fingerprint of the data.

    Returns
    -------
    key : str
        Hash of code, parameters, data, the source of moe_lab and the lab root's plugin files.
    """
    told = {name: value for name, value in parameters.items() if name not in NOT_IN_KEY}
    parts = {
        "cells": [source for source, tags in code_cells(notebook) if "parameters" not in tags],
        "parameters": told,
        "data": data,
        "package": _package_digest(),
        "plugins": _plugin_digest(),
    }
    return _digest(json.dumps(parts, sort_keys=True, default=repr).encode())


def fingerprint(dataset) -> str:
    """Return a hash of a data set: cells, columns, types, target, groups and task."""
    from pandas.util import hash_pandas_object

    digest = hashlib.sha256(f"{dataset.task} {dataset.time_ordered}".encode())
    columns = [dataset.X[name] for name in dataset.X.columns]
    for part in (*columns, dataset.y, dataset.groups):
        if part is not None:
            digest.update(f"{part.name} {part.dtype}".encode())
            digest.update(hash_pandas_object(part, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def _package_digest():
    # The version alone would skip runs after a change of moe_lab in a checkout.
    here = Path(__file__).parents[1]
    return moe_lab.__version__ + _digest_files(here.rglob("*.py"), here)


def _plugin_digest():
    root = lab_root()
    return _digest_files((root / "registry").rglob("*.py"), root) if root else ""


def _digest_files(paths, start):
    files = sorted((path.relative_to(start).as_posix(), path) for path in paths)
    return _digest(b"".join(name.encode() + path.read_bytes() for name, path in files))


def _digest(data):
    return hashlib.sha256(data).hexdigest()[:16]
