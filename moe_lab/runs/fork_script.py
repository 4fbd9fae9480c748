"""The process that forks kernels: it has imported third-party packages once, for all of them.

`ForkServer` starts it as ``python -P fork_script.py SOCKET OWNER``. It must hold nothing of moe_lab
and no plugin, since a run's key vouches for their source, and imports only: no work of numeric
libraries before a fork. It forks in its main thread, with which the kernels end (PDEATHSIG), and
ends with its owner, or when that has closed the socket and the last kernel is gone.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path

MESSAGE = 1 << 16  # bytes
LOOK = 0.1  # seconds between two looks at kernels
IDLE = 1.0
# What notebooks import, but for what asks at its import whether it is in a notebook (tqdm.auto,
# the backend of inline figures), and what starts threads then (catboost): a fork has none of them.
PACKAGES = (
    *("ipykernel.kernelapp", "numpy", "pandas", "scipy.optimize"),
    *("scipy.stats", "sklearn.cluster", "sklearn.compose", "sklearn.ensemble", "sklearn.impute"),
    *("sklearn.linear_model", "sklearn.metrics", "sklearn.mixture", "sklearn.model_selection"),
    *("sklearn.neighbors", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.svm"),
    *("sklearn.tree", "matplotlib.pyplot", "seaborn", "torch", "xgboost", "lightgbm"),
    *("rtdl_num_embeddings", "tabm", "psutil", "joblib", "tqdm.std", "rich.table", "jinja2"),
)
ASKS = ("tqdm.auto", "tqdm.autonotebook", "tqdm.notebook")


def main() -> None:
    """Import, serve, and in a fork become a kernel."""
    control, owner = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # ipykernel reads it at its import
    _import_packages()
    wrong = _foreign()
    control.send(json.dumps({"wrong": wrong}).encode())
    asked = None if wrong else _serve(control, owner)
    if asked is None:
        os._exit(0)  # there is nothing to tidy up
    _become(asked)  # in a fork
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
    _leave()


def _leave():
    """End as Python does, but for taking apart what the server has imported, page by page."""
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(0)


def _import_packages():
    gc.disable()
    for name in PACKAGES:
        with suppress(Exception):  # a notebook that needs it raises it
            importlib.import_module(name)
    gc.enable()
    for name in ASKS:
        sys.modules.pop(name, None)
    gc.freeze()  # pages of what is there stay shared


def _foreign():
    """Return the modules that a kernel must import by itself."""
    root = os.environ.get("MOE_LAB_ROOT")
    registry = Path(root, "registry").resolve() if root else None
    return [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "moe_lab" or (registry and _is_below(registry, module))
    ]


def _is_below(folder, module):
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).resolve().is_relative_to(folder)


def _serve(control, owner):
    """Fork a kernel for each message; return what was asked for in the fork, None in the end."""
    kernels: dict = {}  # the channel to its owner -> process id
    ended: set = set()
    sources = [control]
    while os.getppid() == owner and (sources or kernels):
        wait = LOOK if kernels else IDLE
        readable = select.select([*sources, *kernels], [], [], wait)[0]
        _look_after(kernels, ended, readable)
        if control not in readable:
            continue
        message, files, *_ = socket.recv_fds(control, MESSAGE, 2)
        if not message:
            sources.remove(control)
            continue
        log, channel = files[0], socket.socket(fileno=files[1])
        server, pid = os.getpid(), _fork()
        if pid == 0:
            for one in (control, channel, *kernels):
                one.close()
            return {**json.loads(message), "log": log, "server": server}
        os.close(log)
        channel.send(json.dumps({"pid": pid}).encode())
        kernels[channel] = pid
    for pid in kernels.values():
        _end(pid)
    return None


def _fork():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads of libraries, which do nothing yet
        return os.fork()


def _look_after(kernels, ended, readable):
    """Tell which kernels have ended, and end those whose owner has gone or wants it."""
    for channel, pid in list(kernels.items()):
        if channel in readable:  # it is never written to: it was closed
            del kernels[channel]
            ended.discard(pid)
            _end(pid)
            channel.close()
        elif pid not in ended and (status := _status(pid)) is not None:
            ended.add(pid)
            with suppress(OSError):
                channel.send(json.dumps({"status": status}).encode())


def _status(pid):
    """Return how a process has ended, its id kept from others until its owner has done with it."""
    told = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if told is None:
        return None
    return told.si_status if told.si_code == os.CLD_EXITED else -told.si_status


def _end(pid):
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)  # before it has a group of its own
    os.waitpid(pid, 0)


def _become(asked):
    """Make of a fork what a kernel that was started is."""
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != asked["server"]:
        os._exit(1)
    os.setsid()
    libc.prctl(15, asked["name"].encode())  # PR_SET_NAME
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, asked["log"], asked["log"])):
        os.dup2(source, target)
    os.close(nothing)
    os.close(asked["log"])
    os.chdir(asked["cwd"])
    os.environ.update(asked["environment"])
    sys.argv = ["-c", *asked["arguments"]]
    sys.path.insert(_place_of_here(), "")
    importlib.invalidate_caches()
    _reseed()


def _place_of_here():
    """Return where IPython puts the working directory: before what is installed."""
    names = [os.path.basename(path) for path in sys.path]
    return next((k for k, name in enumerate(names) if name.endswith("-packages")), 0)


def _reseed():
    """Give every generator the state that a new process has."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)


if __name__ == "__main__":
    main()
