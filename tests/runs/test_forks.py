"""Forked kernels: as good as new ones, and gone with their server, their run, their owner."""

import json
import os
import signal

import pytest

from moe_lab.runs import forks, read_runs, run_notebook
from moe_lab.runs.engine import run_all
from moe_lab.runs.events import Told
from moe_lab.runs.plan import plan_runs

pytestmark = pytest.mark.skipif(not forks.CAN_FORK, reason="forks are for Linux")
FORK = {"engine": "fork"}
FRESH = """
import json, os, random, sys, threading
libraries = len(sys.modules) > 2500
ours = [name for name in sys.modules if name.startswith("moe_lab")]
mine = [name for name in sys.modules if name.rpartition(".")[2] in ("mine", "beside")]
import numpy, sklearn, torch, warnings
drawn = [random.random(), numpy.random.rand(), torch.rand(1).item(), os.urandom(4).hex()]
told = {"ours": ours + mine, "drawn": drawn, "libraries": libraries, "ppid": os.getppid()}
told |= {"path": sys.path.index(""), "cwd": os.getcwd(), "folder": os.environ["MOE_LAB_RUN_FOLDER"]}
told["filters"] = any("numpy" in getattr(one[1], "pattern", "") for one in warnings.filters)
told |= {"main": threading.current_thread() is threading.main_thread(), "argv": sys.argv[0]}
print("told", json.dumps(told))
"""
FIGURE = """
import beside, matplotlib.pyplot as plt
from moe_lab.registry import gates
gates.create("mine")
_ = plt.plot([1, 2])
os.system("echo from a child")
"""


def test_forked_kernels_are_as_new_as_those_that_start(inside, gone):
    gate = 'from moe_lab.registry import gates\n@gates.register("mine")\nclass Gate:\n    "A gate."'
    inside.drop_in("gate", "mine", gate)
    path = inside.notebook("exp", "seed = 0", FRESH, FIGURE)
    (path.parent / "beside.py").write_text("x = 1\n")
    plans = [plan for seed in range(2) for plan in plan_runs(path, {"seed": seed})]

    came = run_all(plans, **FORK)

    assert [(one.status, one.error) for one in came] == [("done", None)] * 2
    told = []
    for outcome in came:
        log = (outcome.path / "log.txt").read_text()
        assert "from a child" in log
        assert "NOTE" not in log  # of ipykernel, that it has no owner
        told.append(json.loads(log.partition("told ")[2].splitlines()[0]))
        assert "image/png" in (outcome.path / "notebook.ipynb").read_text()
        record = json.loads((outcome.path / "run.json").read_text())
        assert record["engine"] == "fork"
        assert set(record["modules"]) == {"notebooks/beside.py"}
        assert [one["files"].keys() for one in record["plugins"]] == [{"registry/gate/mine.py"}]
    one, other = told
    assert one["ours"] == other["ours"] == []
    assert one["libraries"]
    assert one["main"]
    assert one["filters"]  # that a library has set
    assert one["cwd"] == str(path.parent)
    assert one["argv"] == "-c"
    assert one["ppid"] == other["ppid"]  # one server
    assert one["folder"] != other["folder"]
    assert not set(one["drawn"]) & set(other["drawn"])
    assert gone(one["ppid"])  # with the sweep


ENDINGS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "compiled code (signal 11, SIGSEGV)"),
    "exit": ("import os; os._exit(3)", "died: it ended itself with exit status 3."),
    "no server": ("import os; os.kill(os.getppid(), 9)", "(signal 9, SIGKILL)"),
}


def test_however_a_forked_kernel_ends_the_next_run_goes_on_and_no_process_stays(inside, gone):
    start = "import os, subprocess; child = subprocess.Popen(['sleep', '99'])\n"
    start += "print('pids', os.getpid(), child.pid, flush=True)"
    cells = [f"if how == {how!r}:\n    {code}" for how, (code, _) in ENDINGS.items()]
    path = inside.notebook("exp", "how = ''", start, *cells)
    hows = [*ENDINGS, "ends"]

    came = run_all([plan_runs(path, {"how": how})[0] for how in hows], **FORK)

    assert [one.status for one in came] == ["died"] * 3 + ["done"]
    for outcome, (_, said) in zip(came, ENDINGS.values(), strict=False):
        assert said in outcome.error
    for outcome in came:
        pids = (outcome.path / "log.txt").read_text().partition("pids ")[2].split()[:2]
        assert all(gone(int(pid)) for pid in pids)


OWNER = """
import os, sys
from moe_lab.runs import run_notebook
os.environ["OWNER"] = str(os.getpid())
list(run_notebook("exp", engine="fork"))
"""


def test_a_forked_kernel_goes_with_an_owner_that_is_killed(inside, gone):
    code = "import os, time; open('pids', 'w').write(f'{os.getpid()} {os.getppid()}')\n"
    code += f"os.kill(int(os.environ['OWNER']), {int(signal.SIGKILL)}); time.sleep(99)"
    path = inside.notebook("exp", "seed = 0", code)

    ran = inside.run(OWNER, MOE_LAB_ROOT=str(inside.root))

    assert ran.returncode == -signal.SIGKILL
    assert all(gone(int(pid)) for pid in (path.parent / "pids").read_text().split())
    path = inside.notebook("exp", "seed = 0", "pass")
    assert [one.status for one in run_notebook("exp")] == ["done"]
    assert [one["status"] for one in read_runs("exp")] == ["died", "done"]


def test_a_server_with_code_of_the_lab_is_refused(inside, monkeypatch):
    (inside.root / "site").mkdir()
    (inside.root / "site" / "sitecustomize.py").write_text("import moe_lab.progress\n")
    path = os.pathsep.join([str(inside.root / "site"), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    inside.notebook("exp", "seed = 0", "pass")

    (outcome,) = run_notebook("exp", **FORK)

    assert outcome.status == "died"
    assert "The fork server must hold libraries alone, got moe_lab" in outcome.error


def test_elsewhere_an_ordinary_kernel_is_taken_and_that_is_said(inside, kernel, monkeypatch):
    monkeypatch.setattr("moe_lab.runs.engine.CAN_FORK", False)
    inside.notebook("exp", "seed = 0")
    said = []

    (outcome,) = run_notebook("exp", on_event=said.append, **FORK)

    assert outcome.status == "done"
    assert not kernel.settings["forks"]
    assert [one.text for one in said if isinstance(one, Told)] == [
        "--engine fork is for Linux: each run gets an ordinary kernel here."
    ]
