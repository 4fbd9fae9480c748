"""moe-lab runs, show, gc: what is in the results folder."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from moe_lab.cli.showing import new_console
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.kernel import LOG, NOTEBOOK
from moe_lab.runs.read import experiment_name, read_runs
from moe_lab.runs.store import RECORD, results_folder

STYLES = {"done": "green"}


def show_runs(experiment: str | None, results_dir: str) -> None:
    """List the runs of one experiment, or of all."""
    console = new_console()
    for name in _experiments(experiment, results_dir):
        runs = read_runs(name, results_dir)
        table = Table(title=f"{name}: {_counts(runs)}", title_justify="left", box=None)
        for column in ("run", "status", "parameters that differ", "seconds", "error"):
            right = column == "seconds"
            table.add_column(column, justify="right" if right else "left", overflow="fold")
        varying = _varying(runs)
        for run in runs:
            table.add_row(*_row(run, varying), style=STYLES.get(run["status"], "red"))
        console.print(table)


def _row(run, varying):
    told = run["parameters"]
    differ = " ".join(f"{name}={told[name]}" for name in varying if name in told)
    seconds = "" if run["seconds"] is None else f"{run['seconds']:.0f}"
    error = (run["error"] or "").partition("\n")[0]
    return run["folder"].name, run["status"], differ, seconds, error


def _varying(runs):
    """Return the parameters that are not the same in all runs."""
    names = dict.fromkeys(name for run in runs for name in run["parameters"])
    told = {
        name: {repr(run["parameters"].get(name)) for run in runs}
        for name in names
        if name != "results_dir"
    }
    return [name for name, values in told.items() if len(values) > 1]


def _counts(runs):
    told = [run["status"] for run in runs]
    return ", ".join(f"{told.count(one)} {one}" for one in dict.fromkeys(told)) or "no runs"


def show_run(run: str, results_dir: str) -> None:
    """Print the record of a run, and where its files are."""
    folder = _find(run, results_dir)
    record = next(
        one for one in read_runs(folder.parents[1].name, results_dir) if one["folder"] == folder
    )
    for name, value in record.items():
        click.echo(f"{name}: {_in_words(value)}")
    for name in (NOTEBOOK, LOG):
        if (folder / name).exists():
            click.echo(f"{name.partition('.')[0]}: {click.format_filename(folder / name)}")


def _in_words(value):
    if isinstance(value, dict):
        return ", ".join(f"{name}={_in_words(one)}" for name, one in value.items()) or "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _find(run, results_dir):
    """Return the folder of a run: by its path, its name, the start of its name, or its key."""
    folder = results_folder(results_dir)
    if (Path(run) / RECORD).is_file():
        return Path(run).resolve()
    every = sorted(path.parent for path in folder.glob(f"*/runs/*/{RECORD}"))
    exact = [path for path in every if path.name == run]
    found = exact or [path for path in every if path.name.startswith(run)]
    found = found or [path for path in every if run in path.name]
    if not found:
        names = [path.name for path in every]
        raise ValueError(unknown_name("run", run, names[-20:], listed="The last ones"))
    if len(found) > 1:
        names = ", ".join(f"{path.parents[1].name}/{path.name}" for path in found[:10])
        raise ValueError(f"RUN must name one run, got {run!r} for {len(found)}: {names}.")
    return found[0]


def collect(
    experiment: str | None, results_dir: str, dry_run: bool, yes: bool, stale: bool
) -> None:
    """Say which runs no longer count, and remove them once that is confirmed."""
    from moe_lab.runs.garbage import KINDS, garbage, remove

    found: list[Any] = []
    for name in _experiments(experiment, results_dir):
        kinds = ("superseded", "failed", "stale") if stale else ("superseded", "failed")
        found += garbage(name, results_dir, kinds, _notebook(name) if stale else None)
    for folder, kind in found:
        click.echo(f"{kind:<10} {click.format_filename(folder)} ({KINDS[kind]})")
    if dry_run or not found:
        click.echo(f"{len(found)} runs would be removed.")
        return
    if not yes:
        click.confirm(f"Remove these {len(found)} runs?", abort=True)
    for folder, _ in found:
        remove(folder, results_dir)
    click.echo(f"{len(found)} runs removed.")


def _notebook(experiment):
    from moe_lab.runs.runner import find_notebook

    try:
        return find_notebook(experiment)
    except ValueError:  # a sweep with a name of its own: nothing is known to be stale
        return None


def _experiments(experiment, results_dir):
    folder = results_folder(results_dir)
    known = sorted(path.parent.name for path in folder.glob("*/runs"))
    if experiment is None:
        return known
    name = experiment_name(experiment)
    if name not in known:
        raise ValueError(unknown_name("experiment", name, known, listed=f"In {folder}"))
    return [name]
