"""The kernel of a run: our own Python in a folder of its own, which does not outlive its owner."""

import asyncio
import os
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

from moe_lab.runs.forks import ForkedKernel, fork_kernel
from moe_lab.runs.processes import end_tree

__all__ = ["OwnInterpreter"]

# The kernel of ipykernel, which Linux ends together with the thread that has started it.
# Imports make no garbage: to look for it as often as Python does costs a quarter of their time.
# Nor are the libraries taken apart in the end, which costs as much again; what is registered for
# the end is done.
START = """
import ctypes, gc, os, sys
gc.set_threshold(20_000, 20, 20)
owner = int(sys.argv.pop(1))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != owner:
        os._exit(1)
del sys.path[0], owner, ctypes, gc
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
import atexit, os, sys, threading
threading._shutdown()
atexit._run_exitfuncs()
sys.stdout.flush(), sys.stderr.flush()
os._exit(0)
"""


class OwnInterpreter(AsyncKernelManager):
    """Starts the Python running this, whatever kernels there are, in a folder of its own.

    What the kernel's process itself has to say goes to the log, not across the terminal.
    """

    # Others on the machine cannot listen in; older versions know nothing of it.
    transport_encryption = "auto" if zmq.has("curve") else "disabled"
    log_file: Any = None
    folder: Path | None = None
    forks: bool = False  # by the server, instead of starting
    process: Any = None

    @property
    def kernel_spec(self) -> KernelSpec:
        spec = get_kernel_dict()
        place = spec["argv"].index("-m")
        spec["argv"][place : place + 2] = ["-c", START, str(os.getpid())]
        return KernelSpec(**spec)

    async def _async_pre_start_kernel(self, **kw):
        if sys.platform == "linux":  # kernels that start at a time might choose the same TCP port
            self.transport, self.ip = "ipc", f"@moe-{uuid.uuid4().hex}"  # a name, not a file
        return await super()._async_pre_start_kernel(**kw)

    async def _async_launch_kernel(self, kernel_cmd, **kw):
        if self.forks:
            await self._fork(kernel_cmd, kw["env"])
        else:
            outputs = {"stdout": self.log_file.fileno(), "stderr": self.log_file.fileno()}
            outputs["cwd"] = str(self.folder)
            await super()._async_launch_kernel(kernel_cmd, **kw | outputs)
        self.process = self.provisioner.process

    _launch_kernel = _async_launch_kernel

    async def _fork(self, command, environment):
        """Put a forked process where the provisioner would put one that it starts."""
        arguments, provisioner = command[command.index("-f") :], self.provisioner
        process = await asyncio.to_thread(
            fork_kernel, arguments, self.folder, environment, self.log_file
        )
        provisioner.process, provisioner.pid, provisioner.pgid = process, process.pid, process.pid
        self._reconcile_connection_info(provisioner.connection_info)

    def exit_status(self) -> int | None:
        """Return how the kernel's process ended, None if it has not."""
        if self.process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=3)
        return None

    def kill(self) -> None:
        """End the kernel and every process it has started, at once."""
        if self.process is not None:
            end_tree(self.process.pid)
        if isinstance(self.process, ForkedKernel):
            self.process.close()
