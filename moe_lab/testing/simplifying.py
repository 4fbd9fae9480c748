"""Simpler inputs for the laws, to find the smallest one that breaks a law."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Input:
    """What the laws are checked on.

    Parameters
    ----------
    task : {"regression", "classification"}, optional
        None: either.
    rows : int, optional
        At most so many; None: as many as the law asks for.
    missing : bool, default=True
        Whether cells are missing.
    levels : bool, default=True
        Whether categories and strings vary.
    """

    task: str | None = None
    rows: int | None = None
    missing: bool = True
    levels: bool = True

    def __str__(self):
        rows = {None: None, 1: "1 row"}.get(self.rows, f"{self.rows} rows")
        cells = None if self.missing else "no cell missing"
        levels = None if self.levels else "one level in each category"
        return ", ".join(filter(None, (self.task, rows, cells, levels)))


_given: ContextVar[Input] = ContextVar("given", default=Input())  # noqa: B039


def simplified() -> Input:
    """Return what the laws are being checked on."""
    return _given.get()


@contextmanager
def given(simple: Input) -> Iterator[None]:
    """Check laws on this input."""
    token = _given.set(simple)
    try:
        yield
    finally:
        _given.reset(token)


def smallest_failing(
    law: Callable, plugin: Any, honest: Any, *, seconds: float = 10.0
) -> Input | None:
    """Find the smallest input on which a plugin breaks a law that an honest one keeps.

    Parameters
    ----------
    law : callable
    plugin, honest : object
    seconds : float, default=10.0
        After these the search ends with what it has.

    Returns
    -------
    found : Input or None
        None where there is no such input.
    """
    end = time.monotonic() + seconds

    def fails(one):
        return (
            time.monotonic() < end and _breaks(law, plugin, one) and not _breaks(law, honest, one)
        )

    tasks = [Input(task=task) for task in getattr(plugin, "tasks", ())]
    found = next((one for one in [*tasks, Input()] if fails(one)), None)
    if found is None:
        return None
    fewer = (replace(found, rows=rows) for rows in ROWS)
    found = next((one for one in fewer if fails(one)), found)
    plain = replace(found, missing=False)
    found = plain if fails(plain) else found
    plain = replace(found, levels=False)
    return plain if fails(plain) else found


def _breaks(law, plugin, simple):
    try:
        with given(simple):
            law(plugin)
    except Exception:
        return True
    return False
