"""The execution of one notebook: a kernel, a deadline, a log, and what came of it."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

from moe_lab.progress import RUN_FOLDER
from moe_lab.runs.log import open_log

__all__ = ["LOG", "NOTEBOOK", "execute"]

NOTEBOOK = "notebook.ipynb"
LOG = "log.txt"
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # figures stay in the notebook
BAR = "{desc}: cell {n_fmt}/{total_fmt}, {elapsed}"  # no share: one cell may take nearly all time
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
    title: str,
    cwd: Path,
    timeout: float | None = None,
) -> tuple[str, str | None, dict]:
    """Run a notebook by papermill into a run's folder.

    Parameters
    ----------
    notebook, folder : Path
    parameters : dict
    title : str
        Shown beside the progress bar.
    cwd : Path
        The kernel's working directory.
    timeout : float, optional
        Seconds for the whole notebook.

    Returns
    -------
    status : {"done", "failed", "died", "timeout"}
    error : str or None
        What happened, in a sentence.
    depended : dict
        From `dependencies`, as far as the kernel could be asked.
    """
    import papermill

    from moe_lab.runs.cells import ENGINE, Deadline, KernelDied

    depended: dict = {}
    variables = {RUN_FOLDER: str(folder), "PYTHONPATH": _python_path(), **INLINE}
    with open_log(folder / LOG) as log, _environment(variables):
        try:
            papermill.execute_notebook(
                notebook,
                folder / NOTEBOOK,
                engine_name=ENGINE,
                kernel_name="python3",
                progress_bar={"desc": title, "bar_format": BAR},
                given=parameters,
                folder=cwd,
                limit=timeout,
                told=depended,
                log=log,
            )
        except papermill.PapermillExecutionError as error:
            log.write(f"\n{error}\n")
            return "failed", f"{error.ename}: {error.evalue}".removesuffix(": "), depended
        except KernelDied as error:
            return "died", f"The kernel died: {_in_words(error.status)}.", depended
        except Deadline:
            return "timeout", f"It took longer than --timeout {timeout:g} seconds.", depended
    return "done", None, depended


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


@contextmanager
def _environment(variables):
    """Set environment variables for the kernel, and put things back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: value for name, value in variables.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
