"""What a run was made with: machine, versions, commit."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from moe_lab.registry import lab_root

__all__ = ["digest", "digest_files", "git_commit", "machine", "provenance", "version", "versions"]

PACKAGES = (
    *("numpy", "pandas", "scipy", "scikit-learn", "torch", "xgboost", "lightgbm"),
    *("catboost", "tabm"),
)


def machine() -> str:
    """Return the processor, its cores and the system, for the record of a measurement."""
    name = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def provenance(parameters: dict) -> dict:
    """Return where and with what a run is made: commit, machine, seeds."""
    commit = git_commit()
    return {
        "git_commit": commit,
        "git_dirty": None if commit is None else commit.endswith("+"),
        "host": platform.node(),
        "machine": machine(),
        "seeds": {name: value for name, value in parameters.items() if _is_seed(name)},
    }


def _is_seed(name):
    return name == "random_state" or bool({"seed", "seeds"} & set(name.split("_")))


def versions() -> dict:
    """Return the versions of Python, moe_lab and the packages that models come from."""
    import moe_lab

    found = {"python": version("python"), "moe_lab": moe_lab.__version__}
    return found | {package: version(package) for package in PACKAGES}


def version(package: str) -> str | None:
    """Return the version of an installed package, or of "python"; None if there is none."""
    if package == "python":
        return platform.python_version()
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def git_commit() -> str | None:
    """Return the commit of the lab root, with "+" where files were changed; None outside git."""
    git = ["git", "-C", str(lab_root() or Path.cwd())]
    try:
        commit = _output([*git, "rev-parse", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changed else "")


def digest(data: bytes) -> str:
    """Return the first 16 hexadecimal digits of a SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


def digest_files(paths: Iterable[Path], start: Path) -> str:
    """Return one hash of several files and their names below a folder; copies do not count.

    Left out is what editors and JupyterLab leave beside a file: checkpoints, locks, caches.
    """
    kept = {}
    for path in paths:
        name = path.relative_to(start)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in name.parts):
            kept[name.as_posix()] = path.read_bytes()
    return digest(b"\0".join(name.encode() + b"\0" + kept[name] for name in sorted(kept)))


def _output(command):
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return ran.stdout.strip()
