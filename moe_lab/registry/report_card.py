"""Report cards: which laws of its kind a plugin keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True)
class Verdict:
    """What came of one law.

    Parameters
    ----------
    law : str
        Name of the check in `moe_lab.testing`.
    sentence : str
        The law in words.
    passed : bool
    seconds : float
    memory : float
        Largest growth of the process while it ran, in MiB.
    error : str, default=""
        What broke it.
    fails_on : str, default=""
        The smallest input on which it is broken, where a built-in plugin of the kind keeps it.
    """

    law: str
    sentence: str
    passed: bool
    seconds: float
    memory: float
    error: str = ""
    fails_on: str = ""


@dataclass
class ReportCard:
    """The verdicts on a plugin; prints as text and shows as a table in a notebook.

    Parameters
    ----------
    kind, name, origin : str
    verdicts : list of Verdict

    Examples
    --------
    >>> kept = Verdict("check_gate_pickles", "It weights alike after pickle.", True, 0.1, 2.0)
    >>> print(ReportCard("gate", "mine", "mine.py", [kept]))
    gate 'mine' from mine.py keeps its 1 laws, in 0.1 s
      passed  It weights alike after pickle. (0.1 s, 2 MiB)
    """

    kind: str
    name: str
    origin: str
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it keeps all laws."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    def __str__(self):
        return "\n".join([self._title(), *(line for one in self.verdicts for line in _lines(one))])

    def _repr_html_(self):
        rows = "".join(_row(one) for one in self.verdicts)
        heads = "".join(f"<th>{head}</th>" for head in ("", "law", "seconds", "MiB"))
        title = escape(self._title())
        return (
            f"<table><caption style='text-align:left'>{title}</caption>"
            f"<tr>{heads}</tr>{rows}</table>"
        )

    def _title(self):
        broken = sum(not verdict.passed for verdict in self.verdicts)
        n_laws, seconds = len(self.verdicts), sum(verdict.seconds for verdict in self.verdicts)
        said = f"breaks {broken} of {n_laws} laws" if broken else f"keeps its {n_laws} laws"
        return f"{self.kind} {self.name!r} from {self.origin} {said}, in {seconds:.1f} s"


def _lines(verdict):
    cost = f"({verdict.seconds:.1f} s, {verdict.memory:.0f} MiB)"
    yield f"  {'passed' if verdict.passed else 'FAILED'}  {verdict.sentence} {cost}"
    yield from (f"          {line}" for line in _reasons(verdict))


def _row(verdict):
    said = "".join(f"<br><b>{escape(line)}</b>" for line in _reasons(verdict))
    left = "style='text-align:left'"
    return (
        f"<tr><td {left}>{'✓' if verdict.passed else '✗ failed'}</td>"
        f"<td {left}>{escape(verdict.sentence)}{said}</td>"
        f"<td>{verdict.seconds:.1f}</td><td>{verdict.memory:.0f}</td></tr>"
    )


def _reasons(verdict):
    yield from verdict.error.splitlines()
    if verdict.fails_on:
        yield f"smallest failing input: {verdict.fails_on}"
