"""moe-lab run and sweep: what is seen in the terminal, and the exit code."""

import signal
from contextlib import contextmanager
from typing import Any

import click

INTERRUPTED = 130
MOST = 125  # larger exit codes mean something else to a shell


def run_one(notebook: str, given: dict, grid: tuple, **settings: Any) -> int:
    """Run a notebook for every data set named and every combination of the grid."""
    from moe_lab.runs.sweeps import Sweep, read_grid

    return run_all(Sweep(notebook, given, read_grid(grid)), **settings)


def run_file(path: str, **settings: Any) -> int:
    """Run what a TOML file asks for."""
    from moe_lab.runs.sweeps import read_sweep

    return run_all(read_sweep(path), **settings)


def run_all(
    asked: Any, *, cwd: str | None = None, dry_run: bool, yes: bool = False, **settings: Any
) -> int:
    """Check all that is asked for, run it, say what came of each, return the exit code."""
    from moe_lab.runs.sweeps import MANY, plan_sweep

    if asked.n_combinations > MANY and not (yes or dry_run):
        click.confirm(f"These are {asked.n_combinations:,} runs. Go on?", abort=True)
    plans = plan_sweep(asked, cwd, most=None)
    settings["results_dir"] = plans[0].parameters.get("results_dir", "results")
    return _foretell(plans, **settings) if dry_run else _run(plans, **settings)


def _run(plans, **settings):
    from moe_lab.runs.display import open_display
    from moe_lab.runs.engine import outcomes

    came = []
    try:
        with _stoppable(), open_display() as display:
            for outcome in outcomes(plans, on_event=_heeding(display), **settings):
                came.append(outcome)
                _say(outcome, display)
    except KeyboardInterrupt:
        click.echo(_interrupted(came), err=True)
        return INTERRUPTED
    failures = sum(outcome.failed for outcome in came)
    if len(came) > 1:
        click.echo(f"{len(came)} runs, {failures} failed.")
    return min(failures, MOST)


def _heeding(display):
    """Let the display show everything but the ends of runs, which are told with their folders."""
    from moe_lab.runs.display import Display
    from moe_lab.runs.events import Finished

    def heed(event):
        if type(display) is not Display or not isinstance(event, Finished):
            display.heed(event)

    return heed


def _foretell(plans, workers=1, results_dir="results", **settings):
    """Say what a sweep would do, and about how long that would take."""
    from moe_lab.runs.forecast import seconds_of, survey, told_time

    asked = {name: settings[name] for name in ("retry", "force", "strict_versions")}
    found = survey(plans, results_dir=results_dir, **asked)
    for plan, record, reason in found:
        status = "to do" if record is None else "skipped" if record["status"] == "done" else "left"
        click.echo(f"{status:<8} {plan.name}{f' ({reason})' if reason else ''}")
    to_do = [plan for plan, record, _ in found if record is None]
    told = f"{len(plans)} runs, {len(to_do)} to do"
    seconds = seconds_of(to_do, results_dir)
    if to_do and None not in seconds:
        about = max(sum(seconds) / workers, *seconds)
        told += f", about {told_time(about)}" + (f" with {workers} workers" * (workers > 1))
    elif to_do:
        told += "; no finished run says how long they take"
    click.echo(f"{told}.")
    return 0


def parameters_of(arguments: list[str]) -> list[tuple[str, str]]:
    """Return the parameters of the notebook that a command line names, each with its comment."""
    from moe_lab.runs.notebook import read_parameters
    from moe_lab.runs.runner import find_notebook

    for argument in arguments:
        if argument.startswith("-"):
            continue
        path = find_notebook(argument)
        known = read_parameters(path).values()
        return [(f"{one.name} = {one.default!r}", one.comment) for one in known]
    return []


def _say(outcome, display):
    path = click.format_filename(outcome.path)
    if outcome.status == "done":
        display.say(f"done     {outcome.title} in {outcome.seconds:.0f} s: {path}")
    elif outcome.status == "skipped" and not outcome.failed:
        display.say(f"skipped  {outcome.title}, finished before: {path} (--force runs it again)")
        display.say(f"         {outcome.reason}")
    elif outcome.status == "skipped":
        error = f"{outcome.found} before: {outcome.error}"
        display.say(f"skipped  {outcome.title}, {error} (--retry runs it again)", err=True)
    else:
        display.say(f"{outcome.status:<8} {outcome.title}: {outcome.error}", err=True)
        if outcome.path.parent.name == "runs":
            display.say(f"         log and notebook: {path}", err=True)


def _interrupted(outcomes):
    kept = [outcome.title for outcome in outcomes if not outcome.failed]
    nothing = "nothing was left behind"
    if not kept:
        return f"\nInterrupted: no run had finished, {nothing}. The same command starts again."
    runs = "run is" if len(kept) == 1 else "runs are"
    return (
        f"\nInterrupted: {len(kept)} finished {runs} kept ({', '.join(kept)}); of the one in "
        f"progress {nothing}. The same command continues with the rest."
    )


@contextmanager
def _stoppable():
    """Let `kill` end a run as Ctrl-C does."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
