"""Running notebooks into the result store: plan, skip, execute, publish."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from moe_lab.registry import lab_root
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.dependencies import imported_libraries
from moe_lab.runs.kernel import execute
from moe_lab.runs.notebook import code_cells
from moe_lab.runs.plan import Planned, plan_runs
from moe_lab.runs.provenance import git_commit, versions
from moe_lab.runs.read import read_runs
from moe_lab.runs.skip import verdict
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
    reason : str, default=""
        Why it was skipped, or run again.
    """

    title: str
    status: str
    path: Path
    seconds: float = 0.0
    error: str | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether the run ended without a result."""
        return self.status not in ("done", "skipped")


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


def run_notebook(
    name: str,
    given: dict | None = None,
    *,
    force: bool = False,
    timeout: float | None = None,
    strict_versions: bool = False,
    cwd: str | Path | None = None,
    say: Callable[[str], None] | None = None,
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
    force : bool, default=False
        Run again what is finished.
    timeout : float, optional
        Seconds for one run.
    strict_versions : bool, default=False
        Run again what was made with other versions of the libraries.
    cwd : str or Path, optional
        The kernel's working directory; default: the notebook's folder, as in JupyterLab.
    say : callable, optional
        Told, before it starts, why a run is done again.

    Yields
    ------
    outcome : Outcome
        For each run, when it has ended.
    """
    notebook = find_notebook(name)
    _check_timeout(timeout)
    cwd = _check_folder(cwd) if cwd else notebook.parent
    plan = plan_runs(notebook, given or {}, cwd)
    results_dir = check_writable(plan[0].parameters.get("results_dir", "results"))
    for number, planned in enumerate(plan, start=1):
        run = _Run(notebook, cwd, planned, results_dir, timeout)
        records = read_runs(notebook.stem, results_dir)
        finished, reason = verdict(
            records, run.parts, planned.parameters, strict_versions=strict_versions
        )
        if finished and not force:
            yield Outcome(run.title, "skipped", finished["folder"], reason=reason)
            continue
        reason = "--force" if finished else reason
        if reason and say:
            say(f"{run.title} again: {reason}")
        yield _run(run, f"({number}/{len(plan)})" if len(plan) > 1 else "", reason)


class _Run:
    """One run that has passed the checks."""

    def __init__(self, notebook, cwd, planned: Planned, results_dir, timeout):
        self.notebook = notebook
        self.cwd = cwd
        self.planned = planned
        self.results_dir = results_dir
        self.timeout = timeout
        self.title = planned.name
        self.parts = planned.parts

    def record(self):
        """Return what is known before the run."""
        sources = [source for source, _ in code_cells(self.notebook)]
        return {
            "status": None,
            "key": self.planned.key,
            "parts": self.parts,
            "experiment": self.notebook.stem,
            "by": "moe-lab run",
            "parameters": self.planned.parameters,
            "data": self.planned.data,
            "cwd": str(self.cwd),
            "versions": versions() | imported_libraries(sources),
            "git_commit": git_commit(),
        }


def _run(run, count, reason):
    """Execute a run in a folder of its own and publish what came of it."""
    start, scratch = time.time(), None
    try:
        record = run.record()
        scratch = new_scratch(run.results_dir)
        parameters = dict(run.planned.parameters)
        if "results_dir" in parameters:
            parameters["results_dir"] = str(run.results_dir)
        status, error, depended = execute(
            run.notebook,
            scratch,
            parameters,
            title=f"{run.title} {count}".strip(),
            cwd=run.cwd,
            timeout=run.timeout,
        )
        seconds = round(time.time() - start, 1)
        record |= {"status": status, "seconds": seconds, "error": error, "again": reason or None}
        record |= {name: value for name, value in depended.items() if name != "versions"}
        record["versions"] = depended.get("versions", {}) | record["versions"]
        path = publish(scratch, run.notebook.stem, record)
    except OSError as failure:  # a full disk: the next run may find room
        where = failure.filename or scratch or run.results_dir
        status, seconds = "failed", round(time.time() - start, 1)
        error = f"{failure.strerror}: {where}" if failure.strerror else str(failure)
        path = run.results_dir
    finally:  # Ctrl-C: nothing half-written stays
        if scratch:
            drop_scratch(scratch)
    return Outcome(run.title, status, path, seconds, error, reason)


def _check_timeout(timeout):
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        raise ValueError(
            f"--timeout must be a number of seconds above 0, got {timeout:g}; leave it out for a "
            "run without a limit."
        )


def _check_folder(cwd):
    folder = Path(cwd).expanduser().resolve()
    if not folder.is_dir():
        raise ValueError(f"--cwd must be a folder, got {str(cwd)!r}; make it, or leave it out.")
    return folder
