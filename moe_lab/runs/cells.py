"""The engine that papermill runs a notebook with: our own Python, one deadline, linear output."""

import ast
import asyncio
import json
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import zmq
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from moe_lab.runs.literals import literal, to_json
from moe_lab.runs.log import Log, as_seen

__all__ = ["ENGINE", "Deadline", "KernelDied"]

ENGINE = "moe_lab"
SLOW = 3600.0  # seconds for the last outputs of a cell: the deadline ends it sooner if need be
# Asked of the kernel after the last cell, without a name in the notebook's own namespace.
ASK = "__import__('moe_lab.runs.dependencies', fromlist=['told']).told()"


class Deadline(Exception):
    """The run took longer than it may."""


class KernelDied(Exception):
    """The kernel's process ended by itself.

    Parameters
    ----------
    status : int or None
        Its exit status; negative for a signal.
    """

    def __init__(self, status: int | None):
        super().__init__(status)
        self.status = status


class OwnInterpreter(AsyncKernelManager):
    """Starts the Python running this, whatever kernels there are, in a folder of its own.

    What the kernel's process itself has to say goes to the log, not across the progress bar.
    """

    # Others on the machine cannot listen in; older versions know nothing of it.
    transport_encryption = "auto" if zmq.has("curve") else "disabled"
    log_file: Any = None
    folder: Path | None = None
    process: Any = None

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())

    async def _async_launch_kernel(self, kernel_cmd, **kw):
        outputs = {"stdout": self.log_file.fileno(), "stderr": self.log_file.fileno()}
        await super()._async_launch_kernel(kernel_cmd, **kw | outputs | {"cwd": str(self.folder)})
        self.process = self.provisioner.process

    _launch_kernel = _async_launch_kernel

    def exit_status(self) -> int | None:
        """Return how the kernel's process ended, None if it has not."""
        if self.process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=3)
        return None

    def kill(self) -> None:
        """End the kernel and every process it has started, at once."""
        if self.process is None:
            return
        with suppress(psutil.Error):
            kernel = psutil.Process(self.process.pid)
            for process in [*kernel.children(recursive=True), kernel]:
                with suppress(psutil.Error):
                    process.kill()


class Client(PapermillNotebookClient):
    """Papermill's client as one coroutine, so that a deadline or an interruption ends it all."""

    async def run(self, limit: float | None) -> dict:
        """Execute all cells; return what the kernel says that it depended on."""
        self.reset_execution_trackers()
        manager = self.km
        try:
            async with asyncio.timeout(limit) as deadline:
                await self.async_start_new_kernel()
                await self.async_start_new_kernel_client()
                return await self._execute_all()
        except (TimeoutError, DeadKernelError, RuntimeError) as error:
            if deadline.expired():
                raise Deadline from error
            status = manager.exit_status()
            if status is None and not isinstance(error, DeadKernelError):
                raise
            raise KernelDied(status) from error

    async def _execute_all(self):
        tick = asyncio.ensure_future(self._tick())
        for index, cell in enumerate(self.nb.cells):
            try:
                self.nb_man.cell_start(cell, index)
                await self.async_execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                _keep_error(cell, error)
                break
            finally:
                _fold_streams(cell)
                self.nb_man.cell_complete(cell, cell_index=index)
        tick.cancel()
        self.set_widgets_metadata()
        return await self._ask()

    async def _tick(self):
        """Let the clock beside the bar go on while a cell takes its time."""
        while sys.stderr.isatty() and self.nb_man.pbar is not None:
            await asyncio.sleep(1)
            self.nb_man.pbar.refresh()

    async def _ask(self):
        message = self.kc.execute("", silent=True, user_expressions={"depended": ASK})
        reply = await self.async_wait_for_reply(message)
        told = reply["content"].get("user_expressions", {}).get("depended", {})
        if told.get("status") != "ok":
            return {"unknown": f"{told.get('ename')}: {told.get('evalue')}"}
        return json.loads(ast.literal_eval(told["data"]["text/plain"]))

    async def stop(self, manager: OwnInterpreter, gently: bool) -> None:
        """Shut the kernel down; at once if its work was not ended."""
        self.km = manager
        self.shutdown_kernel = "graceful" if gently else "immediate"
        with suppress(Exception):
            await self._async_cleanup_kernel()
        manager.kill()


class Engine(NBClientEngine):
    """Executes with `Client`; takes `given`, the parameters, as literals of Python."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *, given: dict, **settings: Any) -> Any:
        """Put the cell of parameters into the notebook, then execute it."""
        _inject(nb, given)
        return super().execute_notebook(nb, kernel_name, **settings)

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        folder: Path,
        limit: float | None,
        told: dict,
        log: Log,
        **_: Any,
    ) -> None:
        """Execute all cells in one event loop of our own; fill `told`."""
        manager = OwnInterpreter(kernel_name=kernel_name)
        manager.log_file, manager.folder = log, folder
        files = {"stdout_file": log, "stderr_file": log}
        client = Client(nb_man, km=manager, log=_SILENT, iopub_timeout=SLOW, **files)
        nb_man.autosave_cell_every = 0  # the notebook is written after each cell

        def work():
            with _loop() as loop:
                done = False
                try:
                    told.update(loop.run_until_complete(client.run(limit)))
                    done = True
                finally:
                    if not done:
                        manager.kill()
                    loop.run_until_complete(client.stop(manager, gently=done))

        try:
            _beside_any_loop(work)
        except KeyboardInterrupt:
            manager.kill()
            raise


papermill_engines.register(ENGINE, Engine)
_SILENT = logging.getLogger("moe_lab.runs")  # what it would say has its place in the outcome
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


def _beside_any_loop(work):
    """Do some work here, or in a thread where this one has a running event loop, as in Jupyter."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@contextmanager
def _loop():
    """Give an event loop which leaves no task behind, and no word about those interrupted."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    try:
        yield loop
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        with suppress(Exception):
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _inject(nb, given):
    """Put the parameters behind the cell tagged so, as a cell that papermill would recognise."""
    cells = [cell for cell in nb.cells if "injected-parameters" not in cell.metadata.tags]
    if given:
        source = "\n".join(["# Parameters", *(f"{k} = {literal(v)}" for k, v in given.items())])
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata.update(tags=["injected-parameters"], papermill={})
        places = [k for k, one in enumerate(cells) if "parameters" in one.metadata.tags]
        cells.insert(places[0] + 1 if places else 0, cell)
    nb.cells = cells
    nb.metadata.papermill["parameters"] = to_json(given)[0]


def _keep_error(cell, error):
    """Let a failure that left no error in the cell, as that of a magic, be read there."""
    if any(output.output_type == "error" for output in cell.outputs):
        return
    words = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    last = (words.strip().splitlines() or [str(error)])[-1]
    name, value = error.ename or "CellExecutionError", error.evalue or ""
    if not value:
        name, _, value = last.partition(": ") if ": " in last else (name, "", last)
    cell.outputs.append(
        nbformat.v4.new_output("error", ename=name, evalue=value, traceback=[f"{name}: {value}"])
    )


def _fold_streams(cell):
    """Keep of each stream of a cell what stands there in the end: of a progress bar its last."""
    kept, streams = [], {}
    for output in cell.get("outputs", []):
        if output.output_type != "stream":
            kept.append(output)
        elif output.name not in streams:
            streams[output.name] = [output.text]
            kept.append(output)
        else:
            streams[output.name].append(output.text)
    for output in kept:
        if output.output_type == "stream":
            output.text = as_seen("".join(streams[output.name]))
    if kept:
        cell.outputs = kept
