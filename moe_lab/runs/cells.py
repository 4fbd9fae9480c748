"""The engine that papermill runs a notebook with: our own kernel, one deadline, linear output."""

import ast
import asyncio
import json
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, cast

from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from moe_lab.runs.guard import Guard
from moe_lab.runs.interpreter import OwnInterpreter
from moe_lab.runs.log import Log
from moe_lab.runs.outputs import fold_streams, inject, keep_error, shortened

__all__ = ["ENGINE", "Deadline", "KernelDied", "LeftEarly"]

ENGINE = "moe_lab"
PRINTED = 10_000_000  # characters of a cell's streams that are held at a time: the last ones
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


class LeftEarly(Exception):
    """A cell has ended Python without an error, which papermill takes for success."""


class Client(PapermillNotebookClient):
    """Papermill's client as one coroutine, so that a deadline or an interruption ends it all."""

    guard: Guard
    nb_man: Any
    _printing: int | None = None  # the cell whose streams are held

    async def run(self, limit: float | None, environment: dict) -> dict:
        """Execute all cells; return what the kernel says that it depended on."""
        self.reset_execution_trackers()
        manager, guard = self.km, self.guard
        work = cast(asyncio.Task, asyncio.current_task())
        watching = asyncio.ensure_future(guard.over(manager, work))
        try:
            async with asyncio.timeout(limit) as deadline:
                await self.async_start_new_kernel(env=environment)
                await self.async_start_new_kernel_client()
                return await self._execute_all()
        except (TimeoutError, DeadKernelError, RuntimeError, asyncio.CancelledError) as error:
            if guard.ended is not None:
                raise guard.ended from error
            if deadline.expired():
                raise Deadline from error
            status = manager.exit_status()
            if status is None and not isinstance(error, DeadKernelError):
                raise
            raise KernelDied(status) from error
        finally:
            watching.cancel()

    async def _execute_all(self):
        for index, cell in enumerate(self.nb.cells):
            self.guard.cell(index + 1, len(self.nb.cells))
            try:
                self.nb_man.cell_start(cell, index)
                await self.async_execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                keep_error(cell, error)
                if error.ename == "SystemExit" and error.evalue in ("", "0", "None"):
                    raise LeftEarly from error
                break
            finally:
                fold_streams(cell)
                self.guard.redactor.value(cell.get("outputs", []))
                self.nb_man.cell_complete(cell, cell_index=index)
        self.guard.look(self.km)
        self.guard.say()
        self.set_widgets_metadata()
        return await self._ask()

    def process_message(self, *told: Any) -> Any:
        """Take in an output, and after the log has it only what a notebook can show."""
        found = super().process_message(*told)
        if found is not None and found.output_type == "stream":
            self._bound(found, told[-1])
        return found

    def _bound(self, stream, cell):
        stream.text = shortened(stream.text)
        if cell != self._printing:
            self._printing, self._held, self._size = cell, deque(), 0
        self._held.append(stream)
        self._size += len(stream.text)
        while self._size > PRINTED and len(self._held) > 1:
            first = self._held.popleft()
            self._size -= len(first.text)
            first.text = ""  # its place in the list may be known to a display

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
        inject(nb, given)
        return super().execute_notebook(nb, kernel_name, **settings)

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        manager: OwnInterpreter,
        environment: dict,
        limit: float | None,
        guard: Guard,
        told: dict,
        log: Log,
        **_: Any,
    ) -> None:
        """Execute all cells in one event loop of our own; fill `told`."""
        files = {"stdout_file": log, "stderr_file": log}
        client = Client(nb_man, km=manager, log=_SILENT, iopub_timeout=SLOW, **files)
        client.guard = guard
        nb_man.autosave_cell_every = 0  # the notebook is written after each cell

        def work():
            with _loop() as loop:
                done = False
                try:
                    told.update(loop.run_until_complete(client.run(limit, environment)))
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
