"""Running a notebook into the result store: once for each data set that is named."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from moe_lab.registry import lab_root
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.engine import outcomes
from moe_lab.runs.events import Started
from moe_lab.runs.outcome import Outcome
from moe_lab.runs.plan import plan_runs

__all__ = ["Outcome", "find_notebook", "kernel_folder", "run_notebook"]


def find_notebook(name: str) -> Path:
    """Return the notebook of that path, or of that name in the lab root's notebooks/.

    Raises
    ------
    ValueError
        If there is none.
    """
    folder = (lab_root() or Path.cwd()) / "notebooks"
    for path in (Path(name), folder / name, folder / f"{name}.ipynb"):
        if path.suffix == ".ipynb" and path.is_file():
            return path.resolve()
    known = [path.stem for path in folder.glob("*.ipynb")]
    raise ValueError(unknown_name("notebook", str(name), known, listed=f"In {folder}"))


def kernel_folder(notebook: Path, cwd: str | Path | None) -> Path:
    """Return where the kernel works: beside its notebook, as in JupyterLab, if not told.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    if not cwd:
        return notebook.parent
    folder = Path(cwd).expanduser().resolve()
    if not folder.is_dir():
        raise ValueError(f"--cwd must be a folder, got {str(cwd)!r}; make it, or leave it out.")
    return folder


def run_notebook(
    name: str,
    given: dict | None = None,
    *,
    cwd: str | Path | None = None,
    say: Callable[[str], None] | None = None,
    on_event: Callable | None = None,
    **settings: Any,
) -> Iterator[Outcome]:
    """Run a notebook once for each data set, and publish each run as it ends.

    All parameters are checked, and the results folder tried, before the first kernel starts. An
    interrupted run leaves nothing behind; those published before it stay.

    Parameters
    ----------
    name : str
        A notebook's name below the lab root's notebooks/, or its path.
    given : dict, optional
        Parameters as typed, or as values; a data set with commas asks for several runs.
    cwd : str or Path, optional
        The kernel's working directory; default: the notebook's folder, as in JupyterLab.
    say : callable, optional
        Told, before it starts, why a run is done again.
    on_event : callable, optional
        Told each event.
    **settings
        Those of `outcomes`: workers, timeout, memory, retry, force, ...

    Yields
    ------
    outcome : Outcome
        For each run, when it has ended.
    """
    notebook = find_notebook(name)
    plans = plan_runs(notebook, given or {}, kernel_folder(notebook, cwd))

    def tell(event):
        if say and isinstance(event, Started) and event.again:
            say(f"{event.title} again: {event.again}")
        if on_event:
            on_event(event)

    folder = plans[0].parameters.get("results_dir", "results")
    yield from outcomes(plans, results_dir=folder, on_event=tell, **settings)
