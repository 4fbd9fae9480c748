"""The execution of one notebook: a kernel, a deadline, a log, and what came of it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moe_lab.progress import RUN_FOLDER
from moe_lab.runs.guard import Guard, MemoryExceeded
from moe_lab.runs.log import open_log
from moe_lab.runs.secrets import Redactor

__all__ = ["LOG", "NOTEBOOK", "execute"]

NOTEBOOK = "notebook.ipynb"
LOG = "log.txt"
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # figures stay in the notebook
# What the numeric libraries, and joblib, read before they use all cores.
CAPS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "LOKY_MAX_CPU_COUNT"),
)
SIGNALS = {
    "SIGKILL": "out of memory, or stopped from outside",
    "SIGSEGV": "a fault in compiled code",
    "SIGABRT": "compiled code gave up",
    "SIGTERM": "stopped from outside",
}


def execute(
    notebook: Path,
    folder: Path,
    parameters: dict,
    *,
    cwd: Path,
    timeout: float | None = None,
    memory: int | None = None,
    threads: int | None = None,
    forks: bool = False,
    stop: Path | None = None,
    tell: Callable | None = None,
) -> tuple[str, str | None, dict]:
    """Run a notebook by papermill into a run's folder.

    Parameters
    ----------
    notebook, folder : Path
    parameters : dict
    cwd : Path
        The kernel's working directory.
    timeout : float, optional
        Seconds for the whole notebook.
    memory : int, optional
        Bytes for the kernel and all that it starts.
    threads : int, optional
        That the numeric libraries may use; default: as they choose.
    forks : bool, default=False
        Whether the kernel is forked, by a server that has imported the libraries.
    stop : Path, optional
        A file that asks for a stop as soon as it exists.
    tell : callable, optional
        Told the progress, see `Guard`.

    Returns
    -------
    status : {"done", "failed", "died", "timeout"}
    error : str or None
        What happened, in a sentence.
    depended : dict
        From `dependencies`, as far as the kernel could be asked, and what the run has used.
    """
    import papermill

    from moe_lab.runs.cells import ENGINE, Deadline, KernelDied, LeftEarly
    from moe_lab.runs.forks import ForkServerLost

    depended: dict = {}
    redactor = Redactor(parameters)
    guard = Guard(memory=memory, stop=stop, tell=tell, redactor=redactor)
    environment = _environment(folder, threads)
    status: str = "done"
    why: str | None = None
    with open_log(folder / LOG, guard.show, guard.news, redactor.text) as log:
        try:
            papermill.execute_notebook(
                notebook,
                folder / NOTEBOOK,
                engine_name=ENGINE,
                kernel_name="python3",
                progress_bar=False,
                given=parameters,
                manager=_manager(log, cwd, forks),
                environment=environment,
                limit=timeout,
                guard=guard,
                told=depended,
                log=log,
            )
        except papermill.PapermillExecutionError as error:
            log.write(f"\n{error}\n")
            status, why = (
                "failed",
                redactor.text(f"{error.ename}: {error.evalue}").removesuffix(": "),
            )
        except LeftEarly:
            status, why = "failed", "SystemExit: a cell, or what it has called, ended Python."
        except KernelDied as error:
            status, why = "died", f"The kernel died: {_in_words(error.status)}."
        except ForkServerLost as error:
            status, why = "died", str(error)
        except Deadline:
            status, why = "timeout", f"It took longer than --timeout {timeout:g} seconds."
        except MemoryExceeded as error:
            status, why = (
                "died",
                "It took {} MB of memory, --memory is {} MB.".format(
                    *(round(part / 1e6) for part in error.args)
                ),
            )
    return status, why, depended | guard.usage.told()


def _manager(log, cwd, forks) -> Any:
    from moe_lab.runs.interpreter import OwnInterpreter

    manager = OwnInterpreter(kernel_name="python3")
    manager.log_file, manager.folder, manager.forks = log, cwd, forks
    return manager


def _environment(folder, threads):
    """Return the kernel's environment variables."""
    told = dict(os.environ) | INLINE | {RUN_FOLDER: str(folder)}
    told |= {"PYTHONPATH": path} if (path := _python_path()) else {}
    if threads:
        told |= {name: str(_least(threads, os.environ.get(name))) for name in CAPS}
    return told


def _least(threads, told):
    return min(threads, int(told)) if told and told.isdigit() and int(told) else threads


def _in_words(status):
    """Say what an exit status means."""
    if status is None:
        return "it no longer answered"
    if status >= 0:
        return f"it ended itself with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"{SIGNALS.get(name, 'stopped')} (signal {-status}, {name})"


def _python_path():
    """Return where the kernel, which starts in another folder, finds what this process finds."""
    told = os.environ.get("PYTHONPATH")
    entries = [os.path.abspath(entry) for entry in told.split(os.pathsep)] if told else []
    ours = str(Path(__file__).resolve().parents[2])
    installed = Path(ours).name in ("site-packages", "dist-packages")
    return os.pathsep.join(entries if installed or ours in entries else [*entries, ours])
