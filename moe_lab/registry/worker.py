"""The process in which laws are run: what it says, how large it gets, why it ended."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any, Self

TICK = 0.05  # seconds between two looks at the memory


class Worker:
    """`python -m moe_lab.testing`, which says in lines of JSON what it does.

    Parameters
    ----------
    job : dict
        What it is to check.
    """

    def __init__(self, job: dict):
        self.job = job
        self.peak = self.base = 0  # bytes

    def __enter__(self) -> Self:
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moe_lab.testing", json.dumps(self.job)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | {"MOE_LAB_STRICT": "0"},  # one plugin is asked for
        )
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.log.close()

    def said(self) -> Iterator[dict[str, Any] | None]:
        """Yield what it says, None every now and then, to the end of the process."""
        lines: queue.Queue = queue.Queue()

        def read():
            for line in self.process.stdout:
                lines.put(line)
            lines.put("")

        threading.Thread(target=read, daemon=True).start()
        while True:
            self._look()
            try:
                line = lines.get(timeout=TICK)
            except queue.Empty:
                yield None
                continue
            if not line:
                return
            yield json.loads(line)

    def step(self) -> None:
        """Measure memory from here on."""
        self.base = self.peak = self._look()

    def end(self) -> str:
        """Say how it ended: its exit code, and the last line that it printed."""
        code = self.process.wait()
        self.log.seek(0)
        lines = [line for line in self.log.read().splitlines() if line.strip()]
        last = f" Last it said: {lines[-1]}" if lines else ""
        return f"It ended the process with exit code {code}.{last}"

    def _look(self):
        import psutil

        try:
            now = psutil.Process(self.process.pid).memory_info().rss
        except psutil.Error:  # it has just ended
            now = self.peak
        self.peak = max(self.peak, now)
        return now
