"""``python -m moe_lab.studies`` lists the studies and their commands."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
COMMAND = re.compile(r"``((?:python -m moe_lab\.studies|moe-lab run)[^`]*)``")


class Study(NamedTuple):
    """A module with a command of its own."""

    name: str
    title: str
    command: str


def studies() -> list[Study]:
    """Return every study, read from the docstrings: nothing of a study is imported."""
    found = []
    for path in sorted(HERE.rglob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        command = COMMAND.search(doc)
        if command and path != Path(__file__):
            name = path.relative_to(HERE).with_suffix("").as_posix().split("/__")[0]
            found.append(Study(name, doc.splitlines()[0], command[1]))
    return found


def main() -> None:
    """Print a line for each study."""
    table = Table("study", title="Studies: each prints what it found")
    table.add_column("command", no_wrap=True)
    for study in studies():
        table.add_row(study.title, study.command)
    Console().print(table)


if __name__ == "__main__":
    main()
