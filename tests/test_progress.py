"""The progress bar: what stands in a terminal, in a notebook, and in one that is opened again."""

import io
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import moe_lab
from moe_lab.progress import RUN_FOLDER, progress, progress_bar, say
from moe_lab.runs.log import Log

CELL = """
from moe_lab.progress import progress, progress_bar, say

with progress_bar(4, "outer", unit="fit") as bar:
    for _ in range(4):
        for number in progress(range(50), "inner", True):
            if number == 3:
                break
        bar.update()
with progress_bar(3, "hidden", shown=False) as bar:
    bar.update()
for _ in progress(range(2), "gone", True):
    pass
say("done")
"""


@pytest.fixture(scope="module")
def outputs():
    """The outputs of a cell with bars, as they are saved in the notebook."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, kernel_name="python3", store_widget_state=False).execute()
    return notebook.cells[0].outputs


def said(outputs):
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]


def test_a_notebook_that_is_opened_again_shows_where_the_bars_ended(outputs):
    assert any("outer: 100%" in text and "4/4" in text for text in said(outputs))
    assert not any(re.search(r"\b0%", text) for text in said(outputs))


def test_bars_within_leave_nothing_behind_even_where_the_loop_ended_early(outputs):
    assert not any(word in text for text in said(outputs) for word in ("inner", "hidden", "gone"))
    assert said(outputs)[-1].endswith("done\n")


def test_under_a_runner_one_line_shows_the_innermost_bar(monkeypatch, capsys):
    monkeypatch.setenv(RUN_FOLDER, "somewhere")
    with progress_bar(2, "outer", unit="fit") as bar:
        for _ in range(2):
            for _ in progress(range(3), "inner", True):
                pass
            bar.update()
    file, lines = io.StringIO(), []
    log = Log(file, lines.append)
    for state in re.split(r"(?=\r)", capsys.readouterr().err):  # as a kernel sends them
        log.write(state)

    assert any(line.startswith("inner") for line in lines)
    (kept,) = file.getvalue().splitlines()
    assert kept.startswith("outer: 100%")


def test_without_bars_the_steps_are_handed_on_as_they_are(capsys):
    steps = range(3)
    assert progress(steps, "steps", 0) is steps
    say("a line")
    assert capsys.readouterr().err == "a line\n"


def test_bars_come_from_one_place():
    package = Path(moe_lab.__file__).parent
    own = re.compile(r"\b(tqdm|rich\.progress)\b")
    found = {path for path in package.rglob("*.py") if own.search(path.read_text("utf-8"))}
    relay = {"runs/guard.py", "runs/fork_script.py"}  # reads bars; loads it beforehand
    assert found == {package / "progress.py"} | {package / name for name in relay}
