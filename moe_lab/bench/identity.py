"""What makes two runs the same: code, parameters, plugins, data; and what a run was made with."""

import ast
import hashlib
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from moe_lab.registry import lab_root

__all__ = [
    "code_cells",
    "fingerprint",
    "git_commit",
    "machine",
    "parameter_cell",
    "run_key",
    "versions",
]

PACKAGES = ("numpy", "pandas", "scikit-learn", "torch", "xgboost", "lightgbm")
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


def code_cells(notebook) -> list:
    """Return (source, tags) of every code cell of a notebook file."""
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"A notebook must be an .ipynb file of format 4, got {notebook}: {error}."
        ) from error
    return [
        ("".join(cell["source"]), cell.get("metadata", {}).get("tags", []))
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def parameter_cell(notebook) -> dict:
    """Read the defaults of a notebook's parameters without running it.

    Returns
    -------
    parameters : dict
        Name -> literal, from the cell tagged `parameters`; empty where there is none.

    Raises
    ------
    ValueError
        If the cell holds anything but assignments of literals.
    """
    found = next((src for src, tags in code_cells(notebook) if "parameters" in tags), "")
    parameters = {}
    for statement in ast.parse(found).body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        try:
            parameters[target.id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError) as error:
            raise ValueError(
                "The parameters cell must hold assignments of literals alone, got "
                f"{ast.unparse(statement)!r} in {notebook}; move it to a cell below."
            ) from error
    return parameters


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


def machine() -> str:
    """Return the processor, its cores and the system, for the record of a measurement."""
    name = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def versions() -> dict:
    """Return the versions of Python, moe_lab and the packages that models come from."""
    found = {"python": platform.python_version(), "moe_lab": _package_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def git_commit() -> str | None:
    """Return the commit of the lab root, with "+" where files were changed; None outside git."""
    git = ["git", "-C", str(lab_root() or Path.cwd())]
    try:
        commit = _output([*git, "rev-parse", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changed else "")


def _output(command):
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return ran.stdout.strip()


def _package_version():
    import moe_lab

    return moe_lab.__version__


def _package_digest():
    # The version alone would skip runs after a change of moe_lab in a checkout.
    here = Path(__file__).parents[1]
    return _package_version() + _digest_files(here.rglob("*.py"), here)


def _plugin_digest():
    root = lab_root()
    return _digest_files((root / "registry").rglob("*.py"), root) if root else ""


def _digest_files(paths, start):
    files = sorted((path.relative_to(start).as_posix(), path) for path in paths)
    return _digest(b"".join(name.encode() + path.read_bytes() for name, path in files))


def _digest(data):
    return hashlib.sha256(data).hexdigest()[:16]
