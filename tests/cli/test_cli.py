"""The moe-lab command as a subprocess: exit codes, sentences, Ctrl-C; notebook 01 three ways."""

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest

from moe_lab.runs import read_runs, read_scores

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TINY = {
    "dataset": "mcycle",
    "experts": "linear, extra_trees",
    "baseline": "average",
    "methods": "linear",
    "folds": 2,
}
COMMAND = [sys.executable, "-m", "moe_lab.cli"]


def heed_ctrl_c():
    """Undo what a shell does to commands in the background: they inherit a deaf SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def files_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_help_is_quick_and_imports_nothing_heavy():
    code = "import sys; from moe_lab.cli import main; main(['--help'], standalone_mode=False); "
    code += "print(sorted({'numpy', 'pandas', 'sklearn', 'papermill', 'rich'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "report" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_mistake_is_one_line_and_debug_shows_where(moe_lab, lab):
    lab.notebook("exp", "seed = 0", "seed")

    ran = moe_lab("run", "exp", "-p", "sed", "1")
    debugged = moe_lab("run", "exp", "-p", "sed", "1", "--debug")

    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "Error: Unknown parameter 'sed' of notebook 'exp'. Did you mean 'seed'? Parameters: seed."
    ]
    assert "Traceback" in debugged.stderr
    assert debugged.returncode == 1
    assert not (lab.root / "results").exists()


def test_the_exit_code_is_the_number_of_failures(moe_lab, lab):
    lab.notebook("exp", 'dataset = "mcycle"', "assert dataset == 's_curve', 'not this one'")

    ran = moe_lab("run", "exp", "-p", "dataset", "mcycle,s_curve,two_lines")
    again = moe_lab("run", "exp", "-p", "dataset", "s_curve")

    assert ran.returncode == 2
    assert "failed   exp mcycle: AssertionError: not this one" in ran.stderr
    assert "done     exp s_curve in" in ran.stdout
    assert "3 runs, 2 failed." in ran.stdout
    assert again.returncode == 0
    assert "skipped  exp s_curve, finished before:" in again.stdout
    assert "--force" in again.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_finished_runs_and_nothing_else(lab, environment, moe_lab, number):
    code = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60 * (dataset != 'mcycle'))"
    lab.notebook("exp", 'dataset = "mcycle"', code)
    command = [*COMMAND, "run", "exp", "-p", "dataset", "mcycle,two_lines"]
    process = subprocess.Popen(
        command,
        cwd=lab.root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    kernel = wait_for(lambda: second_kernel(lab.root / "results"))

    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "done     exp mcycle" in out
    assert "Interrupted: 1 finished run is kept (exp mcycle)" in err
    assert "The same command continues with the rest." in err
    assert "Traceback" not in err
    assert files_in(lab.root / "results") == ["exp"]
    assert [run["status"] for run in read_runs("exp")] == ["done"]
    wait_for(lambda: not psutil.pid_exists(kernel))
    assert moe_lab("run", "exp", "-p", "dataset", "mcycle").stdout.startswith("skipped")


def second_kernel(results):
    """Return the process of the second kernel once its cell runs."""
    runs = files_in(results / "exp" / "runs")
    for log in results.glob(".tmp/*/log.txt"):
        if runs and log.read_text().strip():
            return int(log.read_text())
    return None


def wait_for(condition, seconds=60):
    """Return what the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def test_ctrl_c_before_any_run_has_finished_leaves_nothing(lab, environment):
    lab.notebook("exp", "seed = 0", "print('up', flush=True)\nimport time; time.sleep(60)")
    process = subprocess.Popen(
        [*COMMAND, "run", "exp"],
        cwd=lab.root,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    results = lab.root / "results"
    wait_for(lambda: any(log.read_text() for log in results.glob(".tmp/*/log.txt")))

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "no run had finished, nothing was left behind" in err
    assert files_in(results) == []


def test_a_terminal_shows_the_innermost_progress_of_each_run(lab, environment):
    lab.notebook("exp", 'dataset = "mcycle"', BARS)
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 120))
    process = subprocess.Popen(
        [*COMMAND, "run", "exp"], cwd=lab.root, env=environment, stdout=follower, stderr=follower
    )
    os.close(follower)
    seen = read_terminal(leader)

    assert process.wait(timeout=60) == 0
    assert "1 runs: 1 running" in seen
    assert "moe, fold 2/3" in seen  # the innermost one
    assert "mcycle: linear: rmse" in seen  # a line that stays
    assert "\x1e" not in seen
    assert "done     exp mcycle in" in seen


BARS = """
import time
from moe_lab.progress import progress_bar, say
say("mcycle: linear: rmse 25")
with progress_bar(3, "moe, fold") as bar:
    bar.update(2)
    bar.refresh()
    time.sleep(2)
"""


def read_terminal(leader) -> str:
    """Read what a process writes to its terminal until it ends."""
    text = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux says so at the end
            piece = b""
        if not piece:
            os.close(leader)
            return text.decode(errors="replace")
        text += piece


@pytest.fixture
def compare_notebook(lab) -> Path:
    """Notebook 01_compare as it is committed, in a lab of our own."""
    path = lab.root / "notebooks" / "01_compare.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((NOTEBOOKS / path.name).read_bytes())
    return path


def parameters(flag="-p"):
    return [part for name, value in TINY.items() for part in (flag, name, str(value))]


@pytest.mark.slow
def test_compare_runs_by_moe_lab_and_is_reported(compare_notebook, moe_lab, lab):
    ran = moe_lab("run", "01_compare", *parameters())

    assert ran.returncode == 0, ran.stderr
    (run,) = read_runs("01_compare")
    assert files_in(run["folder"] / "figures") == [
        "cost.png",
        "gate_weights.png",
        "scores.png",
        "who_is_trusted_where.png",
    ]
    told = read_scores("01_compare")
    assert set(told["method"]) == {"moe(experts=linear+extra_trees)", "average", "linear"}

    reported = moe_lab("report", "01_compare", "--baseline", "average")
    assert reported.returncode == 0, reported.stderr
    assert "mcycle: rmse against average" in reported.stdout
    assert reported.stdout.splitlines()[-1] == f"report: {lab.root}/results/01_compare/report.html"


@pytest.mark.slow
def test_compare_runs_by_bare_papermill_and_publishes_itself(compare_notebook, lab, environment):
    out = lab.root / "out.ipynb"
    command = [sys.executable, "-m", "papermill", compare_notebook, out, *parameters()]
    subprocess.run(command, cwd=lab.root, env=environment, check=True, capture_output=True)

    (run,) = read_runs("01_compare")
    assert (run["status"], run["by"], run["key"]) == ("done", "notebook", None)
    assert run["parameters"]["experts"] == TINY["experts"]
    assert set(run["parameters"]) == set(defaults(compare_notebook)) - {"results_dir"}
    assert files_in(lab.root / "results") == ["01_compare"]


def defaults(notebook):
    from moe_lab.runs.notebook import parameter_cell

    return parameter_cell(notebook)


def test_notebooks_are_committed_without_outputs():
    notebooks = sorted(NOTEBOOKS.glob("*.ipynb"))
    ran = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--verify", *notebooks], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout


def test_plugins_datasets_and_lab_are_listed(moe_lab, lab):
    lab.drop_in("gate", "crashing", "raise RuntimeError('of its own')")
    gates, wrong = moe_lab("plugins", "list", "gate"), moe_lab("plugins", "list", "gtae")

    assert "softmax" in gates.stdout
    assert "broken gate: crashing from" in gates.stdout
    assert "Error: Unknown kind of plugin 'gtae'. Did you mean 'gate'?" in wrong.stderr
    assert "ames" in moe_lab("datasets").stdout
    told = moe_lab("lab").stdout
    assert f"lab root  {lab.root}" in told
    assert "torch" in told
    assert "crashing" in told


def test_a_report_on_nothing_says_how_to_make_a_run(moe_lab):
    ran = moe_lab("report", "01_compare")
    assert ran.returncode == 1
    assert "Error: An experiment must have a finished run with scores" in ran.stderr
    assert "`moe-lab run 01_compare` makes one." in ran.stderr


def test_a_sweep_from_a_file_is_foretold_run_listed_and_collected(moe_lab, lab):
    lab.notebook("exp", "seed = 0  # draws '#' the folds", "assert seed != 1, 'not this one'")
    (lab.root / "s.toml").write_text('notebook = "exp"\nexperiment = "two"\n[grid]\nseed = [0, 1]')

    foretold = moe_lab("sweep", "s.toml", "--dry-run")
    ran = moe_lab("sweep", "s.toml")
    again = moe_lab("sweep", "s.toml", "--dry-run")
    listed = moe_lab("runs", "two")
    (failed,) = (run["folder"].name for run in read_runs("two") if run["status"] == "failed")
    shown = moe_lab("show", failed)
    would = moe_lab("gc", "--dry-run")

    assert foretold.stdout.splitlines() == [
        "to do    two seed=0",
        "to do    two seed=1",
        "2 runs, 2 to do; no finished run says how long they take.",
    ]
    assert ran.returncode == 1
    assert "failed   two seed=1: AssertionError: not this one" in ran.stderr
    assert again.stdout.splitlines()[-1] == "2 runs, 0 to do."
    assert "two: 1 done, 1 failed" in listed.stdout
    assert "seed=1" in listed.stdout
    assert "AssertionError: not this one" in listed.stdout
    assert f"notebook: {lab.root}/results/two/runs/{failed}/notebook.ipynb" in shown.stdout
    assert "seeds: seed=1" in shown.stdout
    assert would.stdout.splitlines()[-1] == "1 runs would be removed."
    assert len(read_runs("two")) == 2


def test_help_lists_the_parameters_of_a_notebook(moe_lab, lab):
    lab.notebook("exp", 'name = "a # b"  # whom to greet\n# at least 1\ncount = 2', "name")
    told = " ".join(moe_lab("run", "exp", "--help").stdout.split())
    assert "name = 'a # b' whom to greet count = 2 at least 1" in told


def test_very_many_runs_are_asked_about(moe_lab, lab):
    lab.notebook("exp", "a = 0\nb = 0", "a")
    numbers = ",".join(map(str, range(400)))
    ran = moe_lab("run", "exp", "--grid", "a", numbers, "--grid", "b", numbers)
    assert ran.returncode == 1
    assert "These are 160,000 runs. Go on?" in ran.stdout
    assert not (lab.root / "results").exists()
