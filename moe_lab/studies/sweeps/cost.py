"""What does a run cost, beside papermill's own command?

``python -m moe_lab.studies.sweeps.cost`` runs a notebook that imports six modelling libraries and
fits four small models, by papermill, by an ordinary and by a forked kernel; measures the store
alone, and two workers against one; and writes the page. Rest the machine before: only CPU seconds
are robust against what else it does.
"""

import shlex
import sys
import time
from pathlib import Path

import click
import pandas as pd

from moe_lab.studies.sweeps.place import MOE_LAB, facts, measured, temporary_lab

NOTEBOOK = [
    'seed = 0\nresults_dir = "results"',
    "import catboost, lightgbm, pandas as pd, sklearn, tabm, torch, xgboost",
    """import numpy as np
from sklearn.linear_model import Ridge
from sklearn.ensemble import RandomForestRegressor
rng = np.random.default_rng(seed)
X = pd.DataFrame(rng.normal(size=(300, 8))).add_prefix("x")
y = X["x0"] * X["x1"] + rng.normal(size=300)
models = [Ridge(), RandomForestRegressor(20), xgboost.XGBRegressor(n_estimators=20),
          lightgbm.LGBMRegressor(n_estimators=20, verbose=-1)]
print([round(model.fit(X, y).score(X, y), 3) for model in models])""",
]
BUSY = [
    "seed = 0\nseconds = 1.0",
    "import time\nend = time.process_time() + seconds\nwhile time.process_time() < end: pass",
]


def cost(n_runs: int, n_papermill: int) -> pd.DataFrame:
    """Run the notebook by each engine, papermill first.

    Parameters
    ----------
    n_runs : int
        By each of our engines, in one sweep.
    n_papermill : int
        Calls of papermill, each of which costs the same.

    Returns
    -------
    table : DataFrame, one row an engine: runs, CPU seconds and wall seconds a run
    """
    seeds = [str(seed) for seed in range(n_runs)]
    rows: dict = {}
    with temporary_lab(cost=NOTEBOOK) as (root, environment):
        used = [_papermill(root, environment, seed) for seed in seeds[:n_papermill]]
        rows["papermill"] = [sum(one) / len(used) for one in zip(*used, strict=True)]
        for engine in ("kernel", "fork"):
            command = [*MOE_LAB, "run", "cost", "--grid", "seed", ",".join(seeds), "--force"]
            both = measured([*command, "--engine", engine], root, environment)
            rows[engine] = [one / n_runs for one in both]
    table = pd.DataFrame(rows, index=["CPU seconds a run", "wall seconds a run"]).T
    table["CPU of papermill's"] = table.iloc[:, 0] / table.iloc[0, 0]
    return table


def _papermill(root, environment, seed):
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-p", "seed", seed]
    command += ["notebooks/cost.ipynb", f"out-{seed}.ipynb", "--cwd", "notebooks"]
    return measured(command, root, environment)


def store(n_runs: int = 200) -> float:
    """Return the milliseconds that the store takes a run: a folder, a record, its publication."""
    from moe_lab.runs.store import new_scratch, publish

    with temporary_lab() as (root, _):
        record = {"status": "done", "experiment": "e", "parameters": {"seed": 0}}
        start = time.perf_counter()
        for number in range(n_runs):
            folder = new_scratch(root / "results", record)
            (folder / "scores.csv").write_text("dataset,score\nd,1.0\n")
            publish(folder, "e", {**record, "key": f"{number:016x}"}, 1)
        return 1000 * (time.perf_counter() - start) / n_runs


def workers(n_runs: int, seconds: float) -> dict[int, float]:
    """Return the wall seconds of runs of equal length, by one worker and by two."""
    seeds = ",".join(str(seed) for seed in range(n_runs))
    wall = {}
    with temporary_lab(busy=BUSY) as (root, environment):
        command = [*MOE_LAB, "run", "busy", "--grid", "seed", seeds, "-p", "seconds", str(seconds)]
        for count in (1, 2):
            told = [*command, "--force", "--workers", str(count)]
            wall[count] = measured(told, root, environment)[1]
    return wall


@click.command(help=__doc__.split("\n\n")[0], context_settings={"show_default": True})
@click.option("--runs", "n_runs", default=20, type=click.IntRange(min=2))
@click.option("--papermill", "n_papermill", default=20, type=click.IntRange(min=1))
@click.option("--seconds", default=5.0, help="CPU seconds of a run by one worker or two.")
@click.option("--out", default="results/reference/sweeps", type=click.Path(path_type=Path))
def main(n_runs, n_papermill, seconds, out):
    table, milliseconds, wall = cost(n_runs, n_papermill), store(), workers(n_runs, seconds)
    page = [
        "# What a run costs",
        facts(f"python -m moe_lab.studies.sweeps.cost {shlex.join(sys.argv[1:])}".strip()),
        f"{n_runs} runs of a notebook that imports scikit-learn, torch, TabM, XGBoost, LightGBM "
        "and CatBoost and fits four small models, one thread each: one sweep with `--engine "
        "kernel` (the default), one with `--engine fork`. Papermill's command is called "
        f"{n_papermill} times, once a run.",
        _as_table(table),
        f"The store takes {milliseconds:.1f} ms a run.",
        f"{n_runs} runs of {seconds:g} CPU seconds: {wall[1]:.0f} seconds by one worker, "
        f"{wall[2]:.0f} by two, {wall[2] / wall[1]:.2f} of it.",
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text("\n\n".join(page) + "\n")
    click.echo("\n\n".join(page[3:]))


def _as_table(table):
    rows = [["", *table.columns], ["---"] * (len(table.columns) + 1)]
    rows += [
        [name, *(f"{value:.2f}" for value in row)]
        for name, row in zip(table.index, table.values, strict=True)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
