"""Checking a plugin: the laws of its kind run in a process of their own, which may hang or die.

A law that takes too long, or that ends the process, is broken; a new process goes on with the rest.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from moe_lab.registry.guarding import import_seconds
from moe_lab.registry.report_card import ReportCard, Verdict
from moe_lab.registry.worker import Worker

__all__ = ["LAW_SECONDS", "check_plugins"]

LAW_SECONDS = 60.0
START_SECONDS = 60.0  # of Python and of the laws themselves
MIB = 2**20
IMPORT = {"law": "import", "sentence": "It can be imported, and prints nothing."}


def check_plugins(
    target: str | Path,
    kind: str | None = None,
    *,
    seconds: float = LAW_SECONDS,
    pickled: str | None = None,
) -> list[ReportCard]:
    """Run the laws on the plugins of a name, or on those that a file registers.

    Parameters
    ----------
    target : str or Path
        A registered name, or a file of Python.
    kind : str, optional
        "expert", "gate", ...; None: all kinds that have the name.
    seconds : float, default=60.0
        Limit for each law.
    pickled : str, optional
        The file with the pickled class of a notebook cell.

    Returns
    -------
    cards : list of ReportCard
        One for each plugin.

    Raises
    ------
    ValueError
        If there is no such plugin.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be a positive number, got {seconds!r}.")
    job = {"target": str(target), "kind": kind, "pickled": pickled, "path": sys.path}
    checking = _Checking(ReportCard(kind or "plugin", str(target), str(target)), seconds)
    while not checking.done:
        checking.hear(job)
    return list(checking.cards.values()) or [checking.card]


class _Checking:
    """What has been heard so far; the methods of one word are what a worker may say."""

    def __init__(self, card, seconds):
        self.card = card  # of the plugin that is being checked
        self.seconds = seconds
        self.cards = {}
        self.judged = []  # kind, name and law of every verdict
        self.done = False

    def hear(self, job):
        """Hear one process to its end; one that brings no verdict is the last."""
        before = len(self.judged)
        with Worker(job | {"skip": self.judged}) as self.worker:
            self.begin(**IMPORT)
            for said in self.worker.said():
                if said is not None:
                    getattr(self, said.pop("what"))(**said)
                if self.done or time.monotonic() > self.limit:
                    break
            if not self.done and self.law:
                late = time.monotonic() > self.limit
                taken = f"It took longer than {self.limit - self.start:.0f} s."
                self.end(taken if late else self.worker.end(), time.monotonic() - self.start)
        self.done = self.done or len(self.judged) == before

    def begin(self, law, sentence):
        """A step begins."""
        self.law, self.sentence = law, sentence
        self.worker.step()
        self.start = time.monotonic()
        importing = START_SECONDS + 2 * import_seconds()
        self.limit = self.start + (importing if law == "import" else self.seconds)

    def end(self, error, seconds):
        """A step has ended; without an error it is passed."""
        memory = (self.worker.peak - self.worker.base) / MIB
        verdict = Verdict(self.law, self.sentence, not error, seconds, memory, error)
        if self.law == "import":
            self.imported = verdict
            if error or not self.card.verdicts:  # it may fail in a later process alone
                self.card.verdicts[:1] = [verdict]
        else:
            self.card.verdicts.append(verdict)
            self.judged.append((self.card.kind, self.card.name, self.law))
        self.law, self.limit = None, time.monotonic() + self.seconds

    def plugin(self, kind, name, origin):
        """The laws of this one come next."""
        new = ReportCard(kind, name, origin, [self.imported])
        self.card = self.cards.setdefault((kind, name), new)

    def input(self, words):
        """The smallest input on which the last law is broken."""
        self.card.verdicts[-1] = replace(self.card.verdicts[-1], fails_on=words)

    def refused(self, error):
        """There is no such plugin."""
        raise ValueError(error)

    def finished(self):
        """There is nothing more to hear."""
        self.done = True
