"""The processes of a run: what they use, and their end."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from moe_lab.progress import RUN_FOLDER

__all__ = ["Usage", "end_tree", "end_workers_of", "kernel_name", "memory_bytes", "tree"]

UNITS = {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def memory_bytes(told: float | str | None) -> int | None:
    """Return a limit of memory in bytes.

    Parameters
    ----------
    told : float or str or None
        Bytes, or a text as "500 MB", "4GB", "2 GiB".

    Raises
    ------
    ValueError
        If it is no number above 0 with such a unit.

    Examples
    --------
    >>> memory_bytes("1.5 GB"), memory_bytes("2GiB"), memory_bytes(None)
    (1500000000, 2147483648, None)
    """
    if told is None:
        return None
    text = str(told).strip().lower().replace(" ", "")
    number = text.rstrip("bgikm")
    try:
        found = float(number) * UNITS[text[len(number) :]]
        if 0 < found < float("inf"):
            return int(found)
    except (ValueError, KeyError):
        pass
    raise ValueError(
        f"--memory must be a number above 0 with B, KB, MB, GB or GiB, got {told!r}; 4GB, or "
        "leave it out for a run without a limit."
    )


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and all that it has started and that live."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def end_tree(pid: int) -> None:
    """End a process, its group and all that it has started, at once."""
    found = tree(pid)
    with suppress(OSError, AttributeError):  # no group of its own; no groups at all
        if _group(pid) == pid:
            os.killpg(pid, 9)
    for process in reversed(found):
        with suppress(psutil.Error):
            process.kill()


def _group(pid):
    try:
        return os.getpgid(pid)
    except ProcessLookupError:  # it has ended; what it has started may go on in its group
        return pid


def kernel_name(folder: str | Path) -> str:
    """Return the name of the process of a forked kernel, whose environment is its server's.

    Examples
    --------
    >>> kernel_name("results/.tmp/host-123-0a1b2c3d")
    'moe-0a1b2c3d'
    """
    return f"moe-{Path(folder).name[-8:]}"


def end_workers_of(folder: Path) -> None:
    """End every process of this user that works for a run, by the folder in its environment."""
    name = kernel_name(folder)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            its = process.name() == name or process.environ().get(RUN_FOLDER) == str(folder)
            if its and process.pid != os.getpid():
                process.kill()


class Usage:
    """What the processes of a run have used: seconds of CPU, and the most memory at a time.

    A process that ends between two looks counts with what its parent has been told of it.
    """

    def __init__(self):
        self.cpu_seconds = 0.0
        self.peak_memory = 0

    def look(self, pid: int) -> int:
        """Take in how things stand; return the memory in use now, in bytes."""
        seconds = memory = 0
        processes = tree(pid)
        for process in processes:
            with suppress(psutil.Error):
                seconds += sum(process.cpu_times()[:4])  # with the children that have ended
                memory += process.memory_info().rss
        self.cpu_seconds = max(self.cpu_seconds, seconds)
        self.peak_memory = max(self.peak_memory, memory, _most_ever(pid))
        return memory

    def exact_memory(self, pid: int) -> int:
        """Return the memory in use now, pages that processes share counted once."""
        memory = 0
        for process in tree(pid):
            with suppress(psutil.Error):
                full = process.memory_full_info()
                memory += getattr(full, "pss", full.uss)
        return memory

    def told(self) -> dict:
        """Return what the record of a run says."""
        return {"cpu_seconds": round(self.cpu_seconds, 2), "peak_memory": self.peak_memory}


def _most_ever(pid):
    """Return the most memory that one process has had, which no look may have seen; or 0."""
    if sys.platform != "linux":
        return 0
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return 0
