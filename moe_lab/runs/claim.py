"""Who is at work on what: a file whose counter moves for as long as its owner lives.

Several machines may share a results folder, containers a host name, and neither their clocks nor
their process ids agree. So a claim is dead only when an observer has seen its counter unchanged
for a minute of the observer's own clock. A process id is proof of death (never of life), and only
where the claim is of the same boot and the same namespace of process ids.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["Claim", "Watch", "claim_owner", "claim_text", "this_process"]

DIGITS = 20  # of the counter: written over, never longer, so that a full disk does not stop it
BEAT = 5.0  # seconds between two steps of the counter
SILENCE = 60.0  # seconds without a step after which a claim is dead


def this_process() -> dict:
    """Return what tells this process from any other: process id, boot, namespace of ids."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return {"pid": os.getpid(), "boot": boot, "namespace": os.readlink("/proc/self/ns/pid")}
    return {"pid": os.getpid(), "boot": None, "namespace": None}  # the counter alone decides


def claim_text(counter: int, owner: dict) -> str:
    """Return what the file of a claim holds: its counter, and who holds it."""
    return f"{counter:0{DIGITS}d} {json.dumps(owner)}\n"


class Claim:
    """A file that only one process can create, and whose counter then moves.

    Parameters
    ----------
    path : Path
    each_beat : callable, optional
        Called after every beat.
    **told
        What else the file says of its owner.

    Raises
    ------
    FileExistsError
        If somebody else has the claim.
    """

    def __init__(self, path: Path, each_beat: Callable | None = None, **told: Any):
        self.path = Path(path)
        self._each_beat = each_beat
        self._ended = threading.Event()
        self._owner = {**this_process(), **told, "token": uuid.uuid4().hex}
        with open(self.path, "x", encoding="utf-8") as file:
            try:
                print(end=claim_text(0, self._owner), file=file, flush=True)
            except OSError:  # a full disk
                self.path.unlink(missing_ok=True)
                raise
        self._thread = threading.Thread(target=self._beat, daemon=True, name=f"claim {path}")
        self._thread.start()

    def is_held(self) -> bool:
        """Tell whether the claim is still this one: an observer may have taken it for dead."""
        return claim_owner(self.path) == self._owner

    def release(self) -> None:
        """Stop the counter and remove the file, if it is still ours."""
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=BEAT)
        if self.is_held():
            self.path.unlink(missing_ok=True)

    def _beat(self):
        counter = 0
        while not self._ended.wait(BEAT) and self.is_held():
            counter += 1
            with suppress(OSError), open(self.path, "r+", encoding="utf-8") as file:
                file.write(f"{counter:0{DIGITS}d}")
            if self._each_beat:
                with suppress(OSError):
                    self._each_beat()


class Watch:
    """An observer of claims, which remembers when each counter last moved.

    Parameters
    ----------
    clock : callable, default=time.monotonic
        Seconds on the observer's own clock.
    """

    def __init__(self, clock: Callable = time.monotonic):
        self._clock = clock
        self._seen: dict = {}

    def is_dead(self, path: Path, pid: int | None = None) -> bool:
        """Tell whether the owner of a claim has gone; a claim that is no file yet has not moved.

        Parameters
        ----------
        path : Path
        pid : int, optional
            The owner's process id, where it is known from elsewhere than the claim.
        """
        counter, owner = _read(path)
        now = self._clock()
        before, since = self._seen.setdefault(path, (counter, now))
        if before != counter:
            self._seen[path] = (counter, now)
            since = now
        return _has_ended({**owner, **({"pid": pid} if pid else {})}) or now - since >= SILENCE


def claim_owner(path: Path) -> dict:
    """Return what a claim says of its owner; {} where there is none that can be read."""
    return _read(path)[1]


def _read(path):
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        owner = json.loads(text[DIGITS:])
    except OSError:
        return "", {}
    except ValueError:
        return text[:DIGITS], {}
    return text[:DIGITS], owner if isinstance(owner, dict) else {}


def _has_ended(owner):
    """Tell whether the owner's process is known to be gone."""
    import psutil

    us, pid = this_process(), owner.get("pid")
    same = all(us[name] is not None and owner.get(name) == us[name] for name in us if name != "pid")
    if not same or not isinstance(pid, int):
        return False
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError):
        return False
