"""Importing code of others: it may hang, print or exit, and the rest goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

IMPORT_SECONDS = 30.0
MOST_SHOWN = 60  # characters of what an import printed


class _TookTooLong(BaseException):
    """Not to be caught by the `except Exception` of whoever hangs."""


def guarded(origin: str, load: Callable[[], Any]) -> Any:
    """Import a plugin by calling ``load``; what it prints becomes a warning.

    Raises
    ------
    TimeoutError
        If it takes longer than `$MOE_LAB_IMPORT_SECONDS`, by default 30, in the main thread.
    """
    printed = StringIO()
    try:
        with time_limit(import_seconds()), redirect_stdout(printed):
            return load()
    except _TookTooLong:
        raise TimeoutError(
            f"a plugin must be imported within {import_seconds():g} s, got no end from {origin}; "
            "move what takes long into the method that needs it, or set MOE_LAB_IMPORT_SECONDS."
        ) from None
    finally:
        if printed.getvalue().strip():
            warnings.warn(_printed(origin, printed.getvalue()), stacklevel=2)


def import_seconds() -> float:
    """Return how long the import of a plugin may take."""
    told = os.environ.get("MOE_LAB_IMPORT_SECONDS")
    try:
        seconds = float(told) if told else IMPORT_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(
            f"MOE_LAB_IMPORT_SECONDS must be a positive number of seconds, got {told!r}; "
            "correct it, or unset it."
        )
    return seconds


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop the main thread after so many seconds, where the system has timers."""
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(number, frame):
        raise _TookTooLong

    handler = signal.signal(signal.SIGALRM, stop)
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds)  # of an outer limit
    start = time.monotonic()
    try:
        yield
    finally:
        left = max(left - (time.monotonic() - start), 1e-3) if left else 0.0
        signal.setitimer(signal.ITIMER_REAL, left, again)
        signal.signal(signal.SIGALRM, handler)


def _printed(origin, text):
    first = text.strip().splitlines()[0]
    shown = first[:MOST_SHOWN] + ("..." if len(first) > MOST_SHOWN else "")
    return (
        f"{origin} must not print when it is imported, got {shown!r}; take the call out. "
        "The plugin works all the same."
    )
