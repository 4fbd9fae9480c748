"""The engine: what a kernel gets, prints and depends on; that every run comes to an end."""

import asyncio
import io
import json
import os
from pathlib import Path

import nbformat
import pytest

from moe_lab.progress import MARK
from moe_lab.runs import kernel, read_runs, run_notebook
from moe_lab.runs.log import Log, as_seen


@pytest.fixture(autouse=True)
def a_lab(inside):
    """Work in a lab of our own."""


def log_of(pieces):
    """Return what a log keeps, and the lines it is told as news."""
    file, shown, news = io.StringIO(), [], []
    log = Log(file, shown.append, news.append)
    for piece in pieces:
        log.write(piece)
    log.finish()
    assert max(map(len, shown), default=0) <= 300
    return file.getvalue(), news


def test_a_log_takes_long_lines_whole_and_in_many_pieces():
    line = "1, " * 1_000_000
    assert log_of([line])[0] == line.rstrip() + "\n"
    assert log_of(["1, "] * 100_000 + ["\r"] + ["2"] * 100_000)[0] == "2" * 100_000 + "\n"


def test_a_log_that_becomes_too_long_keeps_its_start_and_its_end(monkeypatch):
    monkeypatch.setattr("moe_lab.runs.log.MOST", 100)
    monkeypatch.setattr("moe_lab.runs.log.LAST", 50)
    kept, _ = log_of([f"line {k:03}\n" for k in range(100)])
    lines = kept.splitlines()
    assert (lines[0], lines[-1]) == ("line 000", "line 099")
    assert "\n... 755 characters left out ...\n" in kept
    assert len(kept) < 200
    assert log_of(["x" * 500])[0].count("x") == 149


def test_a_log_tells_news_and_keeps_them_without_their_mark():
    kept, news = log_of(["  50 %\r      \r", MARK + "linear: 0.5\n", "  60 %"])
    assert news == ["linear: 0.5"]
    assert kept == "linear: 0.5\n  60 %\n"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\rb\rc\nd", "c\nd"),
        ("a\r\nb\r", "a\nb"),
        ("plain\n\n", "plain\n\n"),
        ("0\r" * 500_000 + "9", "9"),
        (MARK + "news\n", "news\n"),
    ],
    ids=["bar", "windows", "plain", "long", "news"],
)
def test_what_is_kept_of_a_stream_is_what_stands_there_in_the_end(text, seen):
    assert as_seen(text) == seen


HELPER = "import helper_of_helper\nNAME = 'beside the notebook'\n"
GATE = """
    from moe_lab.registry import gates
    from moe_lab.gate._part import FACTOR

    @gates.register("{name}")
    class Gate:
        "A gate."
    """
CELLS = (
    "import os, sys, json, my_helper, lightgbm\nprint(my_helper.NAME, os.getcwd())",
    "assert sizes == (16, 32) and type(sizes) is tuple and words == {'b', b'a'}, (sizes, words)",
    "print('1, ' * 1_000_000)",
    "for k in range(1000): print(k, end='\\r')",
    "from moe_lab.registry import gates\n_ = gates.create('mine'), gates.create('softmax')",
)


def test_one_run_gets_its_parameters_prints_at_length_and_records_what_it_used(inside, run):
    path = inside.notebook("exp", "sizes = (8, 8)\nwords = {'c'}", *CELLS)
    for name, content in {"my_helper": HELPER, "helper_of_helper": ""}.items():
        (path.parent / f"{name}.py").write_text(content)
    for name in ("mine", "unused"):
        inside.drop_in("gate", name, GATE.format(name=name))
    inside.drop_in("gate", "_part", "FACTOR = 2\n")
    notebook = nbformat.read(path, 4)
    del notebook.metadata["kernelspec"]
    nbformat.write(notebook, path)
    given = {"sizes": "(16, 32)", "words": "{b'a', 'b'}"}

    (outcome,) = run(settings={"timeout": 120}, **given)

    assert (outcome.status, outcome.error) == ("done", None)
    log = (outcome.path / "log.txt").read_text()
    assert f"beside the notebook {path.parent}" in log
    assert "1, " * 1_000_000 in log.replace("\n", " ")
    kept = [cell.outputs for cell in nbformat.read(outcome.path / "notebook.ipynb", 4).cells[2:]]
    assert [output.text for output in kept[3]] == ["999"]
    assert len(kept[2]) == 1
    told = json.loads((outcome.path / "run.json").read_text())
    assert set(told["modules"]) == {"notebooks/my_helper.py", "notebooks/helper_of_helper.py"}
    files = {one["name"]: set(one["files"]) for one in told["plugins"]}
    assert files == {
        "mine": {"registry/gate/mine.py", "registry/gate/_part.py"},
        "softmax": set(),
    }
    assert told["versions"]["lightgbm"]

    inside.drop_in("gate", "unused", "x = 1")
    inside.drop_in("gate", "another", "x = 1")
    assert [one.status for one in run(**given)] == ["skipped"]
    (path.parent / "helper_of_helper.py").write_text("changed = 1\n")
    inside.drop_in("gate", "_part", "FACTOR = 3\n")
    (outcome,) = run(settings={"timeout": 120}, **given)
    assert outcome.status == "done"
    assert "the gate 'mine' (registry/gate/_part.py)" in outcome.reason
    assert "the module notebooks/helper_of_helper.py" in outcome.reason


ENDINGS = {
    "segfault": (
        "import ctypes; ctypes.string_at(0)",
        "died",
        "compiled code (signal 11, SIGSEGV)",
    ),
    "exit": ("import os; os._exit(3)", "died", "died: it ended itself with exit status 3."),
    "kill": (
        "import os; os.kill(os.getpid(), 9)",
        "died",
        "out of memory, or stopped from outside",
    ),
    "magic": ("%nomagic 1", "failed", "UsageError: Line magic function `%nomagic` not found."),
    "bare": ("raise KeyError", "failed", "KeyError"),
    "leaves": ("import sys; sys.exit()", "failed", "SystemExit: a cell, or what it has called"),
    "leaves with": ("import sys; sys.exit(3)", "failed", "SystemExit: 3"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_how_a_kernel_ended_is_said(inside, run, ending):
    code, status, error = ENDINGS[ending]
    inside.notebook("exp", "seed = 0", code)
    (outcome,) = run()
    assert outcome.status == status
    assert error in outcome.error


def test_many_short_cells_together_reach_the_deadline(inside, run):
    start = (
        "import subprocess, os; open('pid', 'w').write(str(subprocess.Popen(['sleep', '99']).pid))"
    )
    cells = ["import time; time.sleep(0.6)"] * 60
    path = inside.notebook("exp", "seed = 0", start, *cells)

    (outcome,) = run(settings={"timeout": 6.0})

    assert (outcome.status, outcome.error) == (
        "timeout",
        "It took longer than --timeout 6 seconds.",
    )
    pid = int((path.parent / "pid").read_text())
    assert not os.path.exists(f"/proc/{pid}/exe") or "sleep" not in os.readlink(f"/proc/{pid}/exe")


def test_a_kernel_in_another_folder_finds_what_its_starter_finds(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["beside", "/elsewhere"]))
    entries = kernel._python_path().split(os.pathsep)
    assert entries[:2] == [str(tmp_path / "beside"), "/elsewhere"]
    monkeypatch.delenv("PYTHONPATH")
    assert kernel._python_path() in ("", str(Path(kernel.__file__).parents[2]))


def test_a_run_may_be_started_from_a_notebook_of_its_own(inside):
    inside.notebook("exp", "seed = 0", "seed")

    async def in_jupyter():
        return list(run_notebook("exp"))

    assert [one.status for one in asyncio.run(in_jupyter())] == ["done"]


MUCH = """
import os
for k in range(1000): print("x" * 50_000)
for k in range(50): os.system("head -c 1000000 /dev/zero | tr '\\\\0' y")
print("the last word")
"""


def test_a_kernel_that_prints_100_mb_goes_on_with_a_log_that_is_bounded(inside, run):
    inside.notebook("exp", "seed = 0", MUCH, "1 / 0")
    (outcome,) = run()
    assert outcome.error == "ZeroDivisionError: division by zero"
    log = (outcome.path / "log.txt").read_text()
    assert "xxx" in log
    assert "the last word" in log
    assert "ZeroDivisionError" in log[-1000:]
    assert len(log) < 40e6
    text = (outcome.path / "notebook.ipynb").read_text()
    assert "characters left out, see log.txt" in text
    assert "the last word" in text
    assert len(text) < 3e6


INTERRUPTED = """
    import _thread, gc, sys, threading, warnings
    from moe_lab.runs import run_notebook
    threading.Timer(4, _thread.interrupt_main).start()
    try:
        list(run_notebook("exp"))
    except KeyboardInterrupt:
        gc.collect()
        print("interrupted")
    """


def test_after_an_interruption_nothing_is_said_of_tasks(inside):
    inside.notebook("exp", "seed = 0", "import time; time.sleep(60)")
    ran = inside.run(INTERRUPTED, MOE_LAB_ROOT=str(inside.root))
    assert ran.stdout.strip().endswith("interrupted"), ran.stderr
    assert "Task" not in ran.stderr
    assert "never" not in ran.stderr
    assert [path.name for path in (inside.root / "results").iterdir()] == []
    assert read_runs("exp") == []
