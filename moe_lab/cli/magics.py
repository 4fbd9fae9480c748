"""%load_ext moe_lab: `%moe` is the command in a notebook, and sees what lives in the kernel."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from html import escape
from typing import TYPE_CHECKING, Any

from moe_lab.registry import reload_plugins
from moe_lab.registry.checking import check_plugins
from moe_lab.registry.kinds import find_kind, kinds

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from moe_lab.registry.plugins import Registry

NOT_HANDED_ON = "MOE_LAB_RUN_FOLDER"  # where the run publishes that this notebook may be itself


def load(shell: InteractiveShell) -> None:
    """Give the notebook its line magic."""
    shell.register_magic_function(moe, "line", "moe")  # type: ignore[arg-type]


def moe(line: str) -> Any:
    """Run a command of moe-lab.

    %moe plugins [KIND]          the plugins of this kernel, those of its cells included
    %moe plugins check NAME      a report card
    %moe reload                  take up what was edited below registry/
    %moe run NOTEBOOK [-p ...]   into results/;  %moe runs lists them
    All else is the command moe-lab itself: %moe --help
    """
    from IPython.core.error import UsageError

    arguments = shlex.split(line)
    try:
        return _answer(arguments)
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise UsageError(str(error)) from error


def _answer(arguments):
    first, *rest = arguments or ["--help"]
    if first == "reload" and not rest:
        return _say_reloaded()
    if first == "plugins" and rest[:1] == ["check"] and len(rest) == 2:
        return _check(rest[1])
    if first == "plugins" and rest[:1] != ["new"] and not any(one[0] == "-" for one in rest):
        words = [one for one in rest if one != "list"]
        return PluginTable([find_kind(" ".join(words))] if words else list(kinds().values()))
    _call([first, *rest])
    return _say_reloaded() if [first, *rest[:1]] == ["plugins", "new"] else None


def _check(target):
    found = [one for one in kinds().values() if target in one] if target.isidentifier() else []
    cards = [one.check(target) for one in found] or check_plugins(target)
    return cards[0] if len(cards) == 1 else cards


def _say_reloaded():
    for sentence in reload_plugins() or ["Nothing has changed below registry/."]:
        print(sentence)  # noqa: T201


def _call(arguments):
    """Run moe-lab and show what it prints as it comes; an interrupt is its, too."""
    env = {name: text for name, text in os.environ.items() if name != NOT_HANDED_ON}
    process = subprocess.Popen(
        [sys.executable, "-m", "moe_lab.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        start_new_session=True,
    )
    try:
        _show(process)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        _show(process)
        raise
    if process.wait():
        raise ValueError(f"moe-lab {arguments[0]} ended with exit code {process.returncode}.")


def _show(process):
    for line in process.stdout:
        print(line, end="")  # noqa: T201


class PluginTable:
    """The plugins of some lists, as a table.

    Parameters
    ----------
    lists : list of Registry
    """

    def __init__(self, lists: list[Registry]):
        self.cards = [card for one in lists for card in one.cards()]
        self.broken = [
            f"broken {one.kind}: {name} from {origin}: {type(error).__name__}: {error}"
            for one in lists
            for name, (origin, error) in one.broken.items()
        ]

    def __repr__(self):
        rows = [f"{one.kind} {one.name}: {one.summary} ({one.origin})" for one in self.cards]
        return "\n".join([*rows, *self.broken])

    def _repr_html_(self):
        heads = "".join(f"<th>{head}</th>" for head in ("kind", "name", "summary", "origin"))
        cells = ((one.kind, one.name, one.summary, one.origin) for one in self.cards)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells
        )
        broken = "".join(f"<p><b>{escape(sentence)}</b></p>" for sentence in self.broken)
        return f"<table><tr>{heads}</tr>{rows}</table>{broken}"
