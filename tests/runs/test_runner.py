"""Running notebooks: parameters checked first, finished runs skipped, every end has a status."""

import json
import os
import sys

import nbformat
import pytest

from moe_lab.runs import read_runs, read_scores, run_notebook
from moe_lab.runs.runner import find_notebook

PARAMETERS = """
dataset = "mcycle"  # a data set
methods = "linear"  # names, with commas between
gate = "softmax"  # a gate
folds = 2  # at least 2
share = 0.5  # a fraction
verbose = False  # say more
results_dir = "results"  # relative to the lab root
"""


@pytest.fixture(autouse=True)
def inside(lab, monkeypatch):
    """Work in a lab of our own, not under another runner."""
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    monkeypatch.delenv("MOE_LAB_RUN_FOLDER", raising=False)
    monkeypatch.chdir(lab.root)


def run(name="exp", force=False, timeout=None, **given):
    return list(run_notebook(name, given, force=force, timeout=timeout))


def record(outcome) -> dict:
    return json.loads((outcome.path / "run.json").read_text())


def left_in(folder) -> set:
    return {path.name for path in folder.glob("*")} if folder.exists() else set()


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail if a kernel is started."""
    monkeypatch.setattr("moe_lab.runs.attempt.execute", lambda *a, **k: pytest.fail("a kernel"))


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fodls": "3"}, r"Unknown parameter 'fodls' of notebook 'exp'. Did you mean 'folds'\?"),
        ({"folds": "abc"}, r"Parameter folds must be int \(as its default 2\), got 'abc'"),
        ({"folds": "2.5"}, "Parameter folds must be int"),
        ({"folds": "True"}, "Parameter folds must be int"),
        ({"share": "much"}, r"Parameter share must be float \(as its default 0.5\), got 'much'"),
        ({"verbose": "2"}, "Parameter verbose must be bool"),
        ({"dataset": "mcycle,amse"}, r"Unknown data set 'amse'. Did you mean 'ames'\?"),
        ({"dataset": " ,"}, "dataset must name at least one data set"),
        ({"dataset": "missing.csv"}, r"missing\.csv"),
        ({"methods": "linear, stackin"}, r"Unknown method 'stackin'. Did you mean 'stacking'\?"),
        ({"gate": "sofmax"}, r"Unknown gate 'sofmax'. Did you mean 'softmax'\?"),
        ({"results_dir": "/proc/results"}, "results_dir must be a folder that can be written"),
    ],
)
def test_wrong_parameters_are_told_before_a_kernel_starts(lab, given, message):
    lab.notebook("exp", PARAMETERS)
    with pytest.raises((ValueError, OSError), match=message):
        run(**given)
    assert left_in(lab.root / "results") == set()


@pytest.mark.usefixtures("no_kernel")
def test_a_misspelt_column_or_notebook_is_told_before_a_kernel_starts(lab):
    lab.notebook("own", 'dataset = "t.csv"\ntarget = "price"')
    (lab.root / "t.csv").write_text("size,price\n" + "1.5,2.5\n2.5,3.5\n" * 20)

    with pytest.raises(ValueError, match=r"Unknown column 'prize'. Did you mean 'price'\?"):
        run("own", target="prize")
    with pytest.raises(ValueError, match=r"Unknown notebook 'onw'. Did you mean 'own'\?"):
        run("onw")


@pytest.mark.usefixtures("no_kernel")
def test_a_broken_plugin_raises_its_own_exception(lab):
    lab.notebook("exp", PARAMETERS)
    lab.drop_in("gate", "crashing", "raise RuntimeError('of its own')")
    ran = lab.run(
        """
        from moe_lab.runs import run_notebook
        list(run_notebook("exp", {"gate": "crashing"}))
        """,
        MOE_LAB_ROOT=str(lab.root),
    )
    assert ran.returncode == 1
    assert "RuntimeError: of its own" in ran.stderr
    assert "crashing.py" in ran.stderr


def test_notebooks_are_found_by_name_and_by_path(lab):
    path = lab.notebook("exp", PARAMETERS)
    assert find_notebook("exp") == find_notebook("exp.ipynb") == find_notebook(path) == path


SCORES = """
from moe_lab import bench, runs
assert type(folds) is int and type(share) is float and verbose is True
run = runs.open_run(results_dir=results_dir, parameters={}, notebook="ignored")
run.save_scores(bench.compare(methods, dataset, folds=folds))
run.publish()
"""


def test_runs_in_turn_then_skipped_then_forced(lab):
    lab.notebook("exp", PARAMETERS, SCORES)
    given = {"dataset": "mcycle, two_lines", "verbose": "true", "share": "1"}

    outcomes = run(**given)

    assert [(one.title, one.status) for one in outcomes] == [
        ("exp mcycle", "done"),
        ("exp two_lines", "done"),
    ]
    first = outcomes[0].path
    assert left_in(first) == {"log.txt", "notebook.ipynb", "run.json", "scores.csv"}
    assert left_in(lab.root / "results") == {"exp"}
    told = record(outcomes[0])
    assert told["parameters"]["dataset"] == "mcycle"
    assert told["parameters"]["share"] == 1.0
    assert (told["status"], told["error"], told["by"]) == ("done", None, "moe-lab run")
    assert "100%" in (first / "log.txt").read_text()  # the bar of the notebook itself
    assert set(read_scores("exp")["dataset"]) == {"mcycle", "two_lines"}

    again = run(**given)
    assert [one.status for one in again] == ["skipped", "skipped"]
    assert again[0].path == first

    (forced,) = run(**given | {"dataset": "mcycle"}, force=True)
    assert forced.status == "done"
    assert len(read_runs("exp")) == 3


ENDINGS = {
    "failed": ("1 / 0", None, "ZeroDivisionError: division by zero"),
    "died": ("import os, time; print('last words', flush=True); time.sleep(0.5); os._exit(1)",)
    + (None, "The kernel died"),
    "timeout": ("import time; time.sleep(60)", 3, "longer than --timeout 3 seconds"),
}


@pytest.mark.parametrize("status", ENDINGS)
def test_every_other_end_has_a_status_and_is_run_again(lab, status):
    code, timeout, error = ENDINGS[status]
    lab.notebook("exp", "seed = 0", code, "print('never')")

    (outcome,) = run(timeout=timeout)

    assert (outcome.status, outcome.failed) == (status, True)
    assert error in outcome.error
    assert record(outcome)["status"] == status
    assert left_in(outcome.path) == {"log.txt", "notebook.ipynb", "run.json"}
    assert status != "died" or "last words" in (outcome.path / "log.txt").read_text()
    assert "never" not in (outcome.path / "log.txt").read_text()
    assert left_in(lab.root / "results") == {"exp"}
    lab.notebook("exp", "seed = 0", "print('better')")
    assert [one.status for one in run()] == ["done"]


def test_one_failure_does_not_stop_the_others(lab):
    lab.notebook("exp", 'dataset = "mcycle"', 'assert dataset != "mcycle"')

    outcomes = run(dataset="mcycle,two_lines")

    assert [one.status for one in outcomes] == ["failed", "done"]


def test_the_kernel_is_the_python_that_runs_this_whatever_is_installed(lab, monkeypatch):
    wrong = lab.root / "home" / "kernels" / "python3"
    wrong.mkdir(parents=True)
    (wrong / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "wrong"}')
    monkeypatch.setenv("JUPYTER_PATH", str(lab.root / "home"))
    code = "import sys, os\nprint(sys.executable, os.environ['MOE_LAB_ROOT'])"
    lab.notebook("exp", "seed = 0", code)

    (outcome,) = run()

    assert outcome.status == "done"
    assert f"{sys.executable} {lab.root}" in (outcome.path / "log.txt").read_text()
    assert "MOE_LAB_RUN_FOLDER" not in os.environ


def test_the_environment_of_a_notebook_does_not_reach_the_next(lab):
    lab.notebook("exp", 'dataset = "mcycle"', "assert 'left' not in globals()\nleft = 1")
    assert [one.status for one in run(dataset="mcycle,two_lines")] == ["done", "done"]


def test_the_executed_notebook_holds_outputs_and_parameters(lab):
    lab.notebook("exp", "seed = 0", "print('seed is', seed)")

    (outcome,) = run(seed="7")

    executed = nbformat.read(outcome.path / "notebook.ipynb", 4)
    assert "seed is 7" in executed.cells[-1].outputs[0].text
