"""The execution of one notebook: a kernel, a deadline, a log, and what came of it."""

import os
import time
from contextlib import contextmanager

from moe_lab.progress import RUN_FOLDER
from moe_lab.runs.log import open_log

__all__ = ["LOG", "NOTEBOOK", "execute"]

NOTEBOOK = "notebook.ipynb"
LOG = "log.txt"
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # figures stay in the notebook


def execute(notebook, folder, parameters, *, title, timeout=None):
    """Run a notebook by papermill into a run's folder.

    Parameters
    ----------
    notebook, folder : Path
    parameters : dict
    title : str
        Shown beside the progress bar.
    timeout : float, optional
        Seconds for the whole notebook.

    Returns
    -------
    status : {"done", "failed", "died", "timeout"}
    error : str or None
        What happened, in a sentence.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    deadline = timeout and time.monotonic() + timeout
    with open_log(folder / LOG) as log, _environment({RUN_FOLDER: str(folder), **INLINE}):
        try:
            papermill.execute_notebook(
                notebook,
                folder / NOTEBOOK,
                parameters,
                progress_bar={"desc": title},
                stdout_file=log,
                stderr_file=log,
                kernel_manager_class=_own_interpreter(log),
                coalesce_streams=True,  # of a progress bar only what stands there in the end
                timeout_func=lambda cell: deadline and max(1, int(deadline - time.monotonic())),
            )
        except papermill.PapermillExecutionError as error:
            log.write(f"\n{error}\n")
            return "failed", f"{error.ename}: {error.evalue}"
        except DeadKernelError:
            return "died", "The kernel died: out of memory, or stopped from outside."
        except CellTimeoutError:
            return "timeout", f"It took longer than --timeout {timeout:g} seconds."
    return "done", None


def _own_interpreter(log):
    """Return a kernel manager that starts the Python running this, whatever kernels there are.

    What the kernel's process itself has to say goes to the log, not across the progress bar.
    """
    import zmq
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    class OwnInterpreter(AsyncKernelManager):
        # Others on the machine cannot listen in; older versions know nothing of it.
        transport_encryption = "auto" if zmq.has("curve") else "disabled"

        @property
        def kernel_spec(self):
            return KernelSpec(**get_kernel_dict())

        async def _async_launch_kernel(self, kernel_cmd, **kw):
            outputs = {"stdout": log.fileno(), "stderr": log.fileno()}
            await super()._async_launch_kernel(kernel_cmd, **kw, **outputs)

        _launch_kernel = _async_launch_kernel

    return OwnInterpreter


@contextmanager
def _environment(variables):
    """Set environment variables for the kernel, and put things back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
