"""Past one machine: folds and experts of one run on several processes, and a job script."""

import pytest

distributed = pytest.importorskip("distributed")

SPREAD = """
import os
import joblib
from distributed import Client
import moe_lab
from moe_lab.datasets import load_dataset

data = load_dataset("mcycle")
client = Client(scheduler)

def fit(n_jobs):
    moe = moe_lab.MoERegressor(["linear", "k_nearest"], n_jobs=n_jobs, random_state=0)
    return moe.fit(data.X, data.y).predict(data.X[:5])

def tasks(dask_worker):
    return dask_worker.state.transition_counter

alone = fit(1)
with joblib.parallel_config("dask"):
    pids = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(40))
    before = client.run(tasks)
    spread = fit(2)
done = {worker: count - before[worker] for worker, count in client.run(tasks).items()}
print("seen", len(set(pids)), os.getpid() in pids, abs(alone - spread).max() < 1e-9)
print("done", done)
assert len(done) == 2 and min(done.values()) > 0, done
"""


def test_inside_a_run_folds_and_experts_go_to_two_worker_processes(inside, run):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=None
    ) as cluster:
        inside.notebook("exp", "scheduler = ''  # [text]", SPREAD)
        (outcome,) = run(scheduler=cluster.scheduler_address)

    assert (outcome.status, outcome.error) == ("done", None)
    assert "seen 2 False True" in (outcome.path / "log.txt").read_text()


def test_the_job_script_of_the_guide_asks_slurm_for_workers_of_one_thread():
    jobqueue = pytest.importorskip("dask_jobqueue")
    with jobqueue.SLURMCluster(
        cores=1,
        processes=1,
        memory="4GB",
        walltime="02:00:00",
        worker_extra_args=["--memory-limit", "0"],
        scheduler_options={"dashboard_address": None, "host": "127.0.0.1"},
    ) as cluster:
        script = cluster.job_script()

    assert "#SBATCH --cpus-per-task=1" in script
    assert "#SBATCH -t 02:00:00" in script
    assert "--nthreads 1" in script
    assert "--memory-limit 0" in script
