"""What a run was made with: machine, versions, commit."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from moe_lab.registry import lab_root

__all__ = ["git_commit", "machine", "versions"]

PACKAGES = ("numpy", "pandas", "scikit-learn", "torch", "xgboost", "lightgbm")


def machine() -> str:
    """Return the processor, its cores and the system, for the record of a measurement."""
    name = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def versions() -> dict:
    """Return the versions of Python, moe_lab and the packages that models come from."""
    import moe_lab

    found = {"python": platform.python_version(), "moe_lab": moe_lab.__version__}
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
