"""Does a sweep survive what kills its parts?

``python -m moe_lab.studies.sweeps.soak`` starts a sweep on two workers, kills the coordinator, a
worker or a kernel by turns at random times, starts it again with ``--retry`` where it has ended,
and at last counts: each key must have one finished run, and no file be torn, no process left.
"""

import json
import random
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import click
import psutil

from moe_lab.progress import RUN_FOLDER
from moe_lab.studies.sweeps.place import MOE_LAB, facts, temporary_lab

NOTEBOOK = ["seed = 0\nseconds = 2.0", "import time\ntime.sleep(seconds)\nprint(seed)"]
PARTS = ("coordinator", "worker", "kernel")
PASSES = 10  # at the end, until nothing is left to do


def soak(n_runs: int, n_kills: int, engine: str, *, longest: float = 5.0, seed: int = 0) -> dict:
    """Kill parts of a sweep by turns until it is done; return what was found then.

    Parameters
    ----------
    n_runs, n_kills : int
    engine : {"kernel", "fork"}
    longest : float, default=5.0
        Seconds from one kill to the next, at most.
    seed : int, default=0
    """
    killed: Counter = Counter()
    chance = random.Random(seed)
    with temporary_lab(soak=NOTEBOOK) as (root, environment):
        seeds = ",".join(str(one) for one in range(n_runs))
        command = [*MOE_LAB, "run", "soak", "--grid", "seed", seeds, "--workers", "2", "--retry"]
        command += ["--engine", engine]
        sweep, passes = _start(command, root, environment), 1
        while killed.total() < n_kills:
            time.sleep(chance.uniform(0.1 * longest, longest))
            if sweep.poll() is not None:
                if sweep.returncode == 0:
                    break  # all is done, before the last kill
                sweep, passes = _start(command, root, environment), passes + 1
            part = PARTS[killed.total() % len(PARTS)]
            killed[part] += _kill(part, sweep, root)
        while sweep.wait() != 0 and passes < n_kills + PASSES:
            sweep, passes = _start(command, root, environment), passes + 1
        return {"starts": passes, "killed": dict(killed)} | _found(root, n_runs)


def _start(command, root, environment):
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _kill(part, sweep, root):
    """Kill a part; tell whether there was one, and it is gone."""
    if part == "coordinator":
        sweep.kill()
        return int(sweep.wait() == -signal.SIGKILL)
    kernels = _kernels(root)
    if not kernels:
        return 0
    process = kernels[0]
    with suppress(psutil.Error, StopIteration):
        if part == "worker":
            process = next(one for one in process.parents() if "multiprocessing" in _line(one))
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        return 1
    return 0


def _line(process):
    return " ".join(process.cmdline())


def _kernels(root):
    """Return the processes that work for runs below a folder."""
    return [one for one in psutil.process_iter() if _works_for(one, str(root))]


def _works_for(process, root):
    try:
        if process.name().startswith("moe-") and process.cwd().startswith(root):
            return True
        return process.environ().get(RUN_FOLDER, "").startswith(root)
    except psutil.Error:
        return False


def _records(root):
    """Yield each run's record; None where it is torn."""
    for folder in (root / "results" / "soak" / "runs").iterdir():
        try:
            yield json.loads((folder / "run.json").read_text())
        except (OSError, ValueError):
            yield None


def _counts(root):
    return Counter(one["key"] for one in _records(root) if one and one["status"] == "done")


def _found(root, n_runs):
    time.sleep(5)
    records, done = list(_records(root)), _counts(root)
    statuses = Counter(one["status"] for one in records if one)
    return {
        "keys": n_runs,
        "keys with one finished run": sum(count == 1 for count in done.values()),
        "runs by status": dict(statuses),
        "torn": records.count(None),
        "left in .tmp": len(list((root / "results" / ".tmp").glob("*"))),
        "processes left": len(_kernels(root)),
    }


@click.command(help=__doc__.split("\n\n")[0], context_settings={"show_default": True})
@click.option("--runs", "n_runs", default=40, type=click.IntRange(min=2))
@click.option("--kills", "n_kills", default=20, type=click.IntRange(min=1))
@click.option("--engine", default="kernel", type=click.Choice(["kernel", "fork"]))
@click.option("--out", default="results/reference/sweeps", type=click.Path(path_type=Path))
def main(n_runs, n_kills, engine, out):
    found = soak(n_runs, n_kills, engine)
    lines = "\n".join(f"- {name}: {value}" for name, value in found.items())
    told = facts(f"python -m moe_lab.studies.sweeps.soak {shlex.join(sys.argv[1:])}".strip())
    out.mkdir(parents=True, exist_ok=True)
    (out / f"soak_{engine}.md").write_text(
        f"# A sweep whose parts are killed\n\n{told}\n\n{lines}\n"
    )
    click.echo(lines)
    wrong = found["keys with one finished run"] != n_runs or found["torn"]
    sys.exit(bool(wrong or found["processes left"]))


if __name__ == "__main__":
    main()
