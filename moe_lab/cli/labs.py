"""moe-lab init, open: a lab of one's own, and JupyterLab on its notebooks."""

import shutil
import subprocess
import sys
from pathlib import Path

import click

from moe_lab.registry import lab_root

COURSE = Path(__file__).parents[1] / "course"  # in the wheel a folder, in a checkout a link
TEMPLATES = Path(__file__).parent / "templates"
FILES = {"README.md": "lab.md.jinja", ".gitignore": "lab.gitignore.jinja"}
TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"


def make_lab(folder: str) -> Path:
    """Make a lab: notebooks, an example of each kind of plugin, a folder for results.

    Raises
    ------
    FileExistsError
        If there is something in the folder; nothing is written then.
    """
    root = Path(folder).expanduser().resolve()
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise FileExistsError(
            f"FOLDER must be new or empty, got {folder!r}, which is not; choose another name. "
            "Nothing in it was changed."
        )
    for name in ("notebooks", "registry", "results"):
        (root / name).mkdir(parents=True)
    for notebook in sorted(COURSE.glob("*.ipynb")):
        shutil.copyfile(notebook, root / "notebooks" / notebook.name)
    _write_examples(root / "registry")
    for name, template in FILES.items():
        (root / name).write_text(render(template, title=root.name), encoding="utf-8")
    marker = root / "pyproject.toml"  # last: until then it is no lab
    marker.write_text(render("lab.toml.jinja"), encoding="utf-8")
    return root


def say_made(root: Path, folder: str) -> None:
    """Say what to do in a new lab."""
    click.echo(f"Made a lab in {click.format_filename(root)}")
    click.echo(
        f"  cd {click.format_filename(folder)} && moe-lab open    JupyterLab on its notebooks"
    )
    click.echo("  moe-lab plugins list          what there is, the examples in registry/ included")
    click.echo("  moe-lab plugins new expert huber --from sklearn.linear_model.HuberRegressor")
    click.echo(f"Without a GPU, torch for the CPU saves gigabytes: {TORCH}")


def open_lab(options: tuple[str, ...]) -> int:
    """Run JupyterLab on the lab's notebooks until it ends; return its exit code."""
    root = lab_root()
    if root is None or not (root / "notebooks").is_dir():
        got = f"none around {Path.cwd()}" if root is None else f"{root}, which has no notebooks/"
        raise FileNotFoundError(
            f"moe-lab open must be called in a lab, got {got}. `moe-lab init FOLDER` makes one."
        )
    place = [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks"]
    command = [sys.executable, "-m", "jupyterlab", *place, *options]
    return subprocess.run(command, cwd=root).returncode


def render(template: str, **words: object) -> str:
    """Fill a template of this package."""
    from jinja2 import Environment, StrictUndefined

    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return (
        Environment(undefined=StrictUndefined, keep_trailing_newline=True)
        .from_string(text)
        .render(words)
    )


def words_of(name: str) -> dict[str, str]:
    """Return what the template of a plugin is filled with: its name, and its class's."""
    return {"name": name, "title": name.replace("_", " ").title().replace(" ", "")}


def _write_examples(registry):
    from moe_lab.registry.kinds import folder_of, kinds

    for kind, plugins in kinds().items():
        path = registry / folder_of(plugins) / f"my_{kind}.py"
        path.parent.mkdir()
        path.write_text(render(f"{kind}.py.jinja", **words_of(path.stem)), encoding="utf-8")
