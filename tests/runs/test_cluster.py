"""Sweeps on workers: each run once, a lost worker costs its own run, every word is told here."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from moe_lab.runs import read_runs
from moe_lab.runs.engine import run_all
from moe_lab.runs.events import Finished, Progressed, Started
from moe_lab.runs.plan import plan_runs

pytest.importorskip("distributed")

CODE = """
import os, time
print("pid", os.getpid(), "of", os.getppid(), flush=True)
if lost and not os.path.exists("once"):
    open("once", "w").write(str(os.getppid()))
    time.sleep(120)
"""


@pytest.fixture
def plans(inside):
    """Six runs; the one of seed 3 waits until its worker is killed."""
    path = inside.notebook("exp", "seed = 0\nlost = False", CODE)
    given = [{"seed": seed, "lost": seed == 3} for seed in range(6)]
    return [plan for one in given for plan in plan_runs(path, one)]


def test_a_killed_worker_costs_its_own_run_and_retry_does_it(inside, plans, gone):
    once, events, killed = inside.root / "notebooks" / "once", [], []

    def on_event(event):
        events.append(event)
        if once.exists() and not killed and (text := once.read_text()):
            killed.append(int(text))
            os.kill(killed[0], signal.SIGKILL)

    came = run_all(plans, workers=2, on_event=on_event)

    assert [one.status for one in came] == ["done"] * 3 + ["died"] + ["done"] * 2
    assert gone(killed[0])
    log = (came[3].path / "log.txt").read_text()
    assert gone(int(log.split()[1]))  # the kernel went with its worker
    assert Counter(record["key"] for record in read_runs("exp")) == {p.key: 1 for p in plans}
    assert {type(one) for one in events} >= {Started, Progressed, Finished}
    again = run_all(plans, workers=2, retry=True)
    assert [one.status for one in again] == ["skipped"] * 3 + ["done"] + ["skipped"] * 2
    done = [record["key"] for record in read_runs("exp") if record["status"] == "done"]
    assert Counter(done) == {plan.key: 1 for plan in plans}
    assert [path.name for path in (inside.root / "results").iterdir()] == ["exp"]


def test_a_cluster_that_does_not_answer_is_told_before_any_run(inside, plans, monkeypatch):
    monkeypatch.setattr("moe_lab.runs.cluster.ANSWER", 1.0)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=r"--cluster must be the address of a Dask scheduler"):
        run_all(plans, cluster="tcp://127.0.0.1:9")
    assert time.monotonic() - start < 60
    with pytest.raises(ValueError, match=r"local:N or tcp://HOST:PORT, got 'local:none'"):
        run_all(plans, cluster="local:none")
    assert read_runs("exp") == []


def test_memory_above_its_limit_ends_the_run_with_its_children(inside, gone):
    code = "import subprocess, sys\nprint('child', (p := subprocess.Popen([sys.executable, '-c', "
    code += (
        "'x = bytearray(600_000_000); import time; time.sleep(99)'])).pid, flush=True)\np.wait()"
    )
    (plan,) = plan_runs(inside.notebook("exp", "seed = 0", code), {})

    (outcome,) = run_all([plan], memory="500 MB")

    assert outcome.status == "died"
    assert "--memory is 500 MB" in outcome.error
    record = json.loads((outcome.path / "run.json").read_text())
    assert record["peak_memory"] > 500e6
    assert record["cpu_seconds"] > 0
    assert gone(int((outcome.path / "log.txt").read_text().split()[1]))


SCHEDULER = """
import sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    settings = {"threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
    with LocalCluster(n_workers=2, silence_logs=50, **settings) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(120)
"""


def test_a_scheduler_that_dies_costs_no_run_that_is_published(inside, gone):
    code = "import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(60 * (seed > 0))"
    path = inside.notebook("exp", "seed = 0", code)
    plans = [plan for seed in range(3) for plan in plan_runs(path, {"seed": seed})]
    script = inside.root / "scheduler.py"
    script.write_text(SCHEDULER)
    scheduler = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    kernels = []

    def on_event(event):
        if isinstance(event, Progressed) and event.text.startswith("pid") and len(kernels) < 3:
            kernels.append(int(event.text.split()[1]))
            if len(kernels) == 3:
                scheduler.kill()

    with pytest.raises(ConnectionError, match=r"The cluster must answer until the sweep has ended"):
        run_all(plans, cluster=scheduler.stdout.readline().strip(), on_event=on_event)

    assert scheduler.wait() == -signal.SIGKILL
    assert all(gone(pid) for pid in kernels)
    assert [one["key"] for one in read_runs("exp") if one["status"] == "done"] == [plans[0].key]
    inside.notebook("exp", "seed = 0", code.replace("60", "0"))
    plans = [plan for seed in range(3) for plan in plan_runs(path, {"seed": seed})]
    assert [one.status for one in run_all(plans, retry=True)] == ["done"] * 3
    assert [one.name for one in (inside.root / "results").iterdir()] == ["exp"]


def test_sigterm_ends_the_kernels_of_all_workers(inside, gone):
    code = "import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(60 * (seed > 0))"
    inside.notebook("exp", "seed = 0", code)
    command = [sys.executable, "-m", "moe_lab.cli", "run", "exp", "--grid", "seed", "0,1,2"]
    sweep = subprocess.Popen(
        [*command, "--workers", "2"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    scratch, end = inside.root / "results" / ".tmp", time.monotonic() + 60
    logs: list = []
    while len(logs) < 2 and time.monotonic() < end:
        logs = [one for one in scratch.glob("*/log.txt") if "pid" in one.read_text()]
        logs = logs if list(inside.root.glob("results/exp/runs/*")) else []
        time.sleep(0.1)
    kernels = [int(one.read_text().split()[1]) for one in logs]

    sweep.send_signal(signal.SIGTERM)
    _, err = sweep.communicate(timeout=60)

    assert sweep.returncode == 130, err
    assert "Traceback" not in err
    assert len(kernels) == 2
    assert all(gone(pid) for pid in kernels)
    assert [one["status"] for one in read_runs("exp")] == ["done"]
    assert [one.name for one in (inside.root / "results").iterdir()] == ["exp"]
