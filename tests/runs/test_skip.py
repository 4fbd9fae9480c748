"""What is skipped and why, what is run again and why."""

import json

import nbformat
import pytest

from moe_lab.runs import read_runs
from moe_lab.runs.provenance import digest


@pytest.fixture
def exp(inside):
    """A notebook in a lab."""
    inside.notebook("exp", "seed = 0  # a number", "x = seed  # words", "%time x")
    return inside


def used(lab, name="my_helper.py", content="x = 1\n"):
    """Write a module and say that a run has imported it."""
    (lab.root / name).write_text(content)
    return {"plugins": [], "modules": {name: digest(content.encode())}, "versions": {}}


def statuses(outcomes):
    return [(one.status, one.reason) for one in outcomes]


SKIPPED = [("skipped", "same code, data, plugins")]


def test_words_and_copies_make_no_run_stale(exp, kernel, run):
    run()
    path = exp.root / "notebooks" / "exp.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[1].source = "# other words\nx   = seed"
    notebook.cells += [nbformat.v4.new_code_cell(""), nbformat.v4.new_code_cell("# nothing")]
    nbformat.write(notebook, path)
    exp.drop_in("gate", "new", "1 / 0")
    exp.drop_in("gate/.ipynb_checkpoints", "new-checkpoint", "x = 1")
    (exp.root / "registry" / "gate" / ".#hm.py").symlink_to("somebody@somewhere.1234")

    assert statuses(run()) == SKIPPED


@pytest.mark.parametrize(
    ("cell", "code"), [(1, "x = seed + 1"), (1, "x = seed\nx"), (2, "%time y"), (2, "!ls")]
)
def test_other_code_runs_again_and_says_so(exp, kernel, run, cell, code):
    run()
    path = exp.root / "notebooks" / "exp.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[cell].source = code
    nbformat.write(notebook, path)
    said = []

    assert statuses(run(settings={"say": said.append})) == [
        ("done", "changed: the notebook's code")
    ]
    assert said == ["exp again: changed: the notebook's code"]
    assert read_runs("exp")[-1]["again"] == "changed: the notebook's code"


def test_a_first_run_gives_no_reason(exp, kernel, run):
    assert statuses(run()) == [("done", "")]
    assert statuses(run(seed="1")) == [("done", "")]
    assert statuses(run(settings={"force": True})) == [("done", "--force")]


def test_a_changed_module_or_plugin_runs_again(exp, kernel, run):
    kernel.depended = used(exp)
    run()
    assert statuses(run()) == SKIPPED
    (exp.root / "my_helper.py").write_text("x = 2\n")
    assert statuses(run()) == [("done", "changed: the module my_helper.py")]
    path = exp.drop_in("gate", "mine", "x = 1")
    plugin = {"kind": "gate", "name": "mine", "origin": str(path)}
    plugin["files"] = {"registry/gate/mine.py": digest(b"something else")}
    kernel.depended = {"plugins": [plugin], "modules": {}, "versions": {}}
    run(settings={"force": True})
    (exp.root / "my_helper.py").write_text("x = 3\n")

    assert statuses(run()) == [("done", "changed: the gate 'mine' (registry/gate/mine.py)")]


def test_an_older_run_whose_files_are_back_is_found(exp, kernel, run):
    kernel.depended = used(exp)
    run()
    kernel.depended = used(exp, content="x = 2\n")
    run()
    used(exp)

    (outcome,) = run()

    assert outcome.status == "skipped"
    assert outcome.path == read_runs("exp")[0]["folder"]


def test_a_module_that_is_gone_or_changed_under_way_runs_again(exp, kernel, run):
    kernel.depended = used(exp)
    run()
    (exp.root / "my_helper.py").unlink()
    kernel.depended = {"modules": {"my_helper.py": None}}
    assert statuses(run()) == [("done", "changed: the module my_helper.py")]
    used(exp)
    kernel.depended = {"unknown": "RecursionError: too deep"}
    assert run()[0].status == "skipped"  # the first one holds again
    run(settings={"force": True})
    (exp.root / "my_helper.py").unlink()
    assert statuses(run()) == [("done", "changed: what it depended on (RecursionError: too deep)")]


def test_other_versions_are_told_and_repeated_if_asked(exp, kernel, run, monkeypatch):
    kernel.depended = {"versions": {"lightgbm": "4.6", "vanished": "1.0"}}
    monkeypatch.setattr("moe_lab.runs.attempt.versions", lambda: {"python": "3.10.0"})
    run()

    ((status, reason),) = statuses(run())
    assert status == "skipped"
    assert reason.startswith("same code, data, plugins; made with lightgbm 4.6, now ")
    assert "vanished 1.0, now not installed" in reason
    assert "python 3.10.0, now 3." in reason
    ((status, reason),) = statuses(run(settings={"strict_versions": True}))
    assert status == "done"
    assert reason.startswith("changed: lightgbm 4.6, now ")


def test_a_failure_is_run_again_with_its_error(exp, kernel, run):
    kernel.status, kernel.error = "failed", "ValueError: no"
    run()
    kernel.status, kernel.error = "done", None
    (named,) = run()
    assert (named.status, named.found, named.failed) == ("skipped", "failed", True)
    assert named.reason == "the last one failed: ValueError: no"
    again = run(settings={"retry": True})
    assert statuses(again) == [("done", "the last one failed: ValueError: no")]
    assert statuses(run()) == SKIPPED


def test_changed_data_are_told(inside, kernel, run):
    inside.notebook("exp", 'dataset = "t.csv"  # [data set]\ntarget = "y"')
    table = inside.root / "notebooks" / "t.csv"
    for last in ("1", "2"):
        table.write_text("x,y\n" + "".join(f"{k},{k}.5\n" for k in range(30)) + f"{last},0.5\n")
        outcomes = run()
    assert statuses(outcomes) == [("done", "changed: the data")]


def test_another_working_directory_is_another_run(exp, kernel, run):
    run()
    run(settings={"cwd": exp.root})
    assert kernel.settings["cwd"] == exp.root
    assert len(kernel.asked) == 2
    with pytest.raises(ValueError, match="--cwd must be a folder, got 'nowhere'"):
        run(settings={"cwd": "nowhere"})


def test_a_full_disk_names_the_path_and_the_next_run_goes_on(inside, kernel, run, monkeypatch):
    import errno
    import os

    inside.notebook("exp", 'dataset = "mcycle"  # [data set]')
    calls, sync = [], os.fsync

    def full_at_first(handle):
        calls.append(handle)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr("moe_lab.runs.store.os.fsync", full_at_first)

    first, second = run(dataset="mcycle, two_lines")

    assert (first.status, second.status) == ("failed", "done")
    assert first.error.startswith(f"No space left on device: {inside.root}/results/.tmp/")
    assert [path.name for path in (inside.root / "results").iterdir()] == ["exp"]


def test_a_folder_that_has_become_unwritable_is_told_for_each_run(inside, kernel, run, monkeypatch):
    import tempfile

    inside.notebook("exp", 'dataset = "mcycle"  # [data set]')
    made, calls = tempfile.mkdtemp, []

    def once(**where):
        calls.append(where)
        if len(calls) > 1:
            raise OSError(30, "Read-only file system")
        return made(**where)

    monkeypatch.setattr("moe_lab.runs.store.tempfile.mkdtemp", once)

    outcomes = run(dataset="mcycle, two_lines")

    assert [one.status for one in outcomes] == ["failed", "failed"]
    assert f"got '{inside.root}/results' (Read-only file system)" in outcomes[1].error


def test_the_record_is_json_for_everybody(exp, kernel, run):
    run()
    record = json.loads((read_runs("exp")[0]["folder"] / "run.json").read_text())
    assert set(record["parts"]) == {"code", "parameters", "data", "moe_lab"}
    assert record["cwd"] == str(exp.root / "notebooks")
