"""What the site is built of, and in which order."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from moe_lab.cli.site.pages import convert, from_markdown
from moe_lab.cli.site.reference import plugin_table, write_reference
from moe_lab.registry import lab_root

__all__ = ["build_site", "course"]

FIGURES = ("*.png", "*.csv")
MARK = ".moe_lab_site"  # a folder that has it may be replaced


def build_site(folder: Path, notebooks: Sequence[str]) -> Path:
    """Build the site anew.

    Parameters
    ----------
    folder : Path
        New, empty, or a site, which is replaced.
    notebooks : sequence of str
        Those shown with their output: that of a finished run with the default parameters; one that
        has none is run first.

    Returns
    -------
    home : Path
        The page to open.

    Raises
    ------
    FileExistsError
        If there is something in the folder, and it is no site.
    FileNotFoundError
        If this is no checkout of moe_lab: the pages are not in the wheel.
    RuntimeError
        If a notebook fails.
    """
    root = _checkout()
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise FileExistsError(
            f"The site's folder must be new, empty or a site, got {folder}; choose another name."
        )
    executed = {name: _executed(name) for name in notebooks}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    for source in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        from_markdown((root / source).read_text(encoding="utf-8"), folder, Path(source))
    for source in sorted((root / "results" / "reference").rglob("README.md")):
        page = source.relative_to(root)
        from_markdown(source.read_text(encoding="utf-8"), folder, page)
        for figure in (one for kind in FIGURES for one in source.parent.glob(kind)):
            shutil.copy(figure, folder / page.parent)
    convert(root / "notebooks" / "index.ipynb", folder, Path("notebooks/index.ipynb"))
    for name, path in executed.items():
        convert(path, folder, Path(f"notebooks/{name}.ipynb"))
    from_markdown(plugin_table(), folder, Path("plugins.md"))
    write_reference(folder / "reference")
    return folder / "index.html"


def course() -> list[str]:
    """Return the names of all notebooks but the index."""
    paths = sorted((_checkout() / "notebooks").glob("*.ipynb"))
    return [path.stem for path in paths if path.stem != "index"]


def _checkout():
    root = lab_root()
    if root is None or not (root / "CONTRIBUTING.md").is_file():
        raise FileNotFoundError(
            f"The site must be built in a checkout of moe_lab, got {root or Path.cwd()}; "
            "call make docs there."
        )
    return root


def _executed(name):
    from moe_lab.runs.kernel import NOTEBOOK
    from moe_lab.runs.runner import run_notebook

    (outcome,) = run_notebook(name)
    if outcome.failed:
        raise RuntimeError(
            f"Every notebook must run, but {name} {outcome.found or outcome.status}: "
            f"{outcome.error}; see {outcome.path}, mend it, and call make docs again."
        )
    return outcome.path / NOTEBOOK
