"""Kernels that are forked: ready in no time, since their server has imported the libraries."""

import json
import os
import select
import signal
import site
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from moe_lab.progress import RUN_FOLDER
from moe_lab.runs.processes import kernel_name

__all__ = ["CAN_FORK", "ForkServerLost", "ForkedKernel", "end_server", "fork_kernel"]

CAN_FORK = sys.platform == "linux"  # elsewhere libraries do not survive it
SCRIPT = Path(__file__).with_name("fork_script.py")
READY = 120.0  # seconds for the imports, on a slow disk
MESSAGE = 1 << 16

_server: "ForkServer | None" = None  # of this process
_lock = threading.Lock()


class ForkServerLost(RuntimeError):
    """The server did not start, or has ended."""


class ForkedKernel:
    """The process of a kernel that the server has forked: of `Popen` what its users need.

    Parameters
    ----------
    channel : socket
        On which the server tells the process id, then how it ended; closed, the kernel is ended.
    """

    stdin = stdout = stderr = None

    def __init__(self, channel: socket.socket):
        self._channel = channel
        self.returncode: int | None = None
        told = channel.recv(MESSAGE)
        if not told:
            raise ForkServerLost(_LOST)
        self.pid: int = json.loads(told)["pid"]

    def poll(self) -> int | None:
        """Return how it ended, None if it has not."""
        if self.returncode is None and select.select([self._channel], [], [], 0)[0]:
            told = self._channel.recv(MESSAGE)
            # without a word the server has gone, and the kernel with it
            self.returncode = json.loads(told)["status"] if told else -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, when it has.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        if self.returncode is None:
            select.select([self._channel], [], [], timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("a forked kernel", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, if it goes on."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Let the server end what is left of it; the process id is then free for others."""
        self.poll()
        self._channel.close()


class ForkServer:
    """A process that has imported the libraries, in the environment of the kernels it forks.

    Parameters
    ----------
    environment : dict

    Raises
    ------
    ForkServerLost
        If it does not start, or holds modules of moe_lab or of the lab's registry.
    """

    def __init__(self, environment: dict):
        self.serves = environment, _installed()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-Xfrozen_modules=off", str(SCRIPT)]
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid())],
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is not for it
            )
        self._control.settimeout(READY)
        try:
            told = self._control.recv(MESSAGE)
        except TimeoutError:
            self.process.kill()
            told = b""
        if not told:
            raise ForkServerLost(_LOST)
        if wrong := json.loads(told)["wrong"]:
            raise ForkServerLost(
                f"The fork server must hold libraries alone, got {wrong[0]}, which something "
                "imports whenever Python starts (a .pth file, sitecustomize); end that, or leave "
                "out --engine fork."
            )

    def fork(self, request: dict, log: IO) -> ForkedKernel:
        """Let it fork a kernel that writes to a log."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            message = json.dumps(request).encode()
            try:
                socket.send_fds(self._control, [message], [log.fileno(), theirs.fileno()])
            except OSError as error:
                raise ForkServerLost(_LOST) from error
        return ForkedKernel(ours)

    def close(self) -> None:
        """Let it end, as soon as its last kernel has."""
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)


def fork_kernel(arguments: list[str], cwd: Path, environment: dict, log: IO) -> ForkedKernel:
    """Fork a kernel; the server of this process is started if there is none that fits.

    Parameters
    ----------
    arguments : list of str
        Of the kernel's command line.
    cwd : Path
    environment : dict
        What differs from run to run is `RUN_FOLDER` alone: the libraries read the rest once.
    log : file
        For what the process itself has to say.

    Raises
    ------
    ForkServerLost
    """
    folder = environment[RUN_FOLDER]
    request: dict = {"arguments": arguments, "cwd": str(cwd), "name": kernel_name(folder)}
    request["environment"] = {RUN_FOLDER: folder}
    return _server_for(_common(environment)).fork(request, log)


def _common(environment):
    own = (RUN_FOLDER, "JPY_PARENT_PID")
    return {name: value for name, value in environment.items() if name not in own}


def _server_for(environment):
    global _server
    with _lock:
        if _server and (_server.process.poll() is not None or not _fits(_server, environment)):
            _server.close()
            _server = None
        if _server is None:
            _server = ForkServer(environment)
        return _server


def _fits(server, environment):
    return server.serves == (environment, _installed())


def _installed():
    """Return what changes when a library is installed or taken away."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    return {one: os.stat(one).st_mtime_ns for one in folders if os.path.isdir(one)}


def end_server() -> None:
    """End the server of this process, if there is one: it waits for its last kernel."""
    global _server
    with _lock:
        if _server is not None:
            _server.close()
            _server = None


_LOST = (
    "The fork server must live until its kernel has started, got its end; leave out --engine fork "
    "if that happens again."
)
