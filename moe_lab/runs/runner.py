"""Running notebooks into the result store: plan, skip, execute, publish."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moe_lab.registry import lab_root
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.kernel import execute
from moe_lab.runs.key import run_key
from moe_lab.runs.plan import plan_runs
from moe_lab.runs.provenance import git_commit, versions
from moe_lab.runs.read import find_run
from moe_lab.runs.store import check_writable, drop_scratch, new_scratch, publish

__all__ = ["Outcome", "find_notebook", "run_notebook"]


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Parameters
    ----------
    title : str
        Notebook and data set.
    status : {"done", "skipped", "failed", "died", "timeout"}
    path : Path
        The run's folder.
    seconds : float
    error : str, optional
    """

    title: str
    status: str
    path: Path
    seconds: float = 0.0
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the run ended without a result."""
        return self.status not in ("done", "skipped")


def find_notebook(name) -> Path:
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


def run_notebook(name, given=None, *, force=False, timeout=None) -> Iterator[Outcome]:
    """Run a notebook once for each data set, and publish each run as it ends.

    All parameters are checked, and the results folder tried, before the first kernel starts. An
    interrupted run leaves nothing behind; those published before it stay.

    Parameters
    ----------
    name : str
        A notebook's name below the lab root's notebooks/, or its path.
    given : dict of str to str, optional
        Parameters as typed; a `dataset` with commas asks for several runs.
    force : bool, default=False
        Run again what is finished.
    timeout : float, optional
        Seconds for one run.

    Yields
    ------
    outcome : Outcome
        For each run, when it has ended.
    """
    notebook = find_notebook(name)
    plan = plan_runs(notebook, given or {})
    results_dir = check_writable(plan[0][0].get("results_dir", "results"))
    for number, (parameters, data) in enumerate(plan, start=1):
        key = run_key(notebook, parameters, data)
        finished = None if force else find_run(notebook.stem, key, results_dir)
        title = " ".join(str(part) for part in (notebook.stem, parameters.get("dataset", "")))
        if finished:
            yield Outcome(title.strip(), "skipped", finished["folder"])
        else:
            count = f"({number}/{len(plan)})" if len(plan) > 1 else ""
            run = _Run(notebook, parameters, results_dir, key, data, timeout, title.strip())
            yield _run(run, f"{title} {count}".strip())


@dataclass(frozen=True)
class _Run:
    """One run that has passed the checks."""

    notebook: Path
    parameters: dict
    results_dir: Path
    key: str
    data: str
    timeout: float | None
    title: str


def _run(run, bar_title):
    """Execute a run in a folder of its own and publish what came of it."""
    start, record = time.time(), _record(run)
    scratch = new_scratch(run.results_dir)
    try:
        parameters = run.parameters
        if "results_dir" in parameters:
            parameters = {**parameters, "results_dir": str(run.results_dir)}
        status, error = execute(
            run.notebook, scratch, parameters, title=bar_title, timeout=run.timeout
        )
        seconds = round(time.time() - start, 1)
        record |= {"status": status, "seconds": seconds, "error": error}
        path = publish(scratch, run.notebook.stem, record)
    finally:  # Ctrl-C: nothing half-written stays
        drop_scratch(scratch)
    return Outcome(run.title, status, path, seconds, error)


def _record(run):
    return {
        "status": None,
        "key": run.key,
        "experiment": run.notebook.stem,
        "by": "moe-lab run",
        "parameters": run.parameters,
        "data": run.data,
        "versions": versions(),
        "git_commit": git_commit(),
    }
