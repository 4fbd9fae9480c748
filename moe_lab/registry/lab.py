"""The lab root: the one folder whose `registry/` is loaded and whose `results/` is written."""

import os
from pathlib import Path

# Which package each folder below the lab's registry/ extends; also the entry point groups.
FOLDERS = {
    "divide": "moe_lab.divide",
    "experts": "moe_lab.experts",
    "gate": "moe_lab.gate",
    "pool": "moe_lab.pool",
    "train": "moe_lab.train",
    "methods": "moe_lab.methods",
    "datasets": "moe_lab.datasets",
}
TESTS = "tests"  # the folder beside them


def lab_root() -> Path | None:
    """Find the lab root and hand it on to workers and kernels.

    It is `$MOE_LAB_ROOT`, else the nearest folder, from the working directory upwards, whose
    pyproject.toml has a `[tool.moe_lab]` table. What is found is written to `$MOE_LAB_ROOT`,
    so that it holds for the rest of the process and for every process it starts.

    Returns
    -------
    root : Path or None
        Absolute path; None outside of any lab.

    Raises
    ------
    NotADirectoryError
        If `$MOE_LAB_ROOT` names no folder.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, MOE_LAB_ROOT="/"):
    ...     print(lab_root())
    /
    """
    root = _named_root() or _marked_root(Path.cwd())
    if root is not None:
        os.environ["MOE_LAB_ROOT"] = str(root)
    return root


def drop_in_folder(package: str) -> Path | None:
    """Return the lab's folder that extends `package`, None where there is none."""
    folder = next((name for name, extended in FOLDERS.items() if extended == package), None)
    root = lab_root() if folder else None
    path = root / "registry" / folder if root and folder else None
    return path if path and path.is_dir() else None


def misplaced_files() -> list[str]:
    """Say which Python files of the lab's registry/ are no plugins because of where they lie."""
    root = lab_root()
    top = root / "registry" if root else None
    if top is None or not top.is_dir():
        return []
    strays = _python_files(top)
    for folder in _folders(top):
        if folder.name in FOLDERS:  # below it, a folder is a package or nothing
            parts = [part for part in _folders(folder) if not (part / "__init__.py").is_file()]
            strays += [file for part in parts for file in _python_files(part)]
        elif folder.name != TESTS:
            strays += [file for file in sorted(folder.rglob("*.py")) if not file.is_symlink()]
    return [_misplaced(file, root) for file in strays]


def _python_files(folder):
    return [file for file in sorted(folder.glob("*.py")) if file.name[0] not in "._"]


def _folders(folder):
    return [part for part in sorted(folder.iterdir()) if part.is_dir() and part.name[0] not in "._"]


def _misplaced(file, root):
    from moe_lab.registry.spelling import did_you_mean

    shown = file.relative_to(root)
    below = len(shown.parts) > 3 and shown.parts[1] in FOLDERS
    why = (
        f"{shown.parent.as_posix()}/ has no __init__.py"
        if below
        else (f"plugins lie in registry/ below {', '.join(FOLDERS)}")
    )
    hint = "" if below or len(shown.parts) < 3 else did_you_mean(shown.parts[1], FOLDERS)
    return f"{shown.as_posix()} is not loaded: {why}. {hint}Move it, or let its name start with _."


def _named_root():
    named = os.environ.get("MOE_LAB_ROOT")
    if not named:
        return None
    root = Path(named).expanduser().resolve()
    if not root.is_dir():
        raise NotADirectoryError(
            f"MOE_LAB_ROOT must name the folder of a lab, got {named!r}, which is no folder; "
            "correct it, or unset it to use the lab around the working directory."
        )
    return root


def _marked_root(start):
    return next((folder for folder in (start, *start.parents) if _is_marked(folder)), None)


def _is_marked(folder):
    import tomllib

    path = folder / "pyproject.toml"
    try:
        content = path.read_bytes()
    except OSError:
        return False
    if b"moe_lab" not in content:  # another project's broken file is none of our business
        return False
    try:
        return "moe_lab" in tomllib.loads(content.decode()).get("tool", {})
    except ValueError as error:
        raise ValueError(
            f"pyproject.toml of a lab must be valid TOML, got {path}: {error}. "
            "Correct it, or set MOE_LAB_ROOT."
        ) from error
