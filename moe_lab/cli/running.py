"""moe-lab run: what is seen in the terminal, and the exit code."""

import signal
from contextlib import contextmanager
from typing import Any

import click

INTERRUPTED = 130
MOST = 125  # larger exit codes mean something else to a shell


def run_all(notebook: str, given: dict, **settings: Any) -> int:
    """Run a notebook for every data set named, say what came of each, return the exit code."""
    from moe_lab.runs.runner import run_notebook

    outcomes = []
    try:
        with _stoppable():
            for outcome in run_notebook(notebook, given, say=click.echo, **settings):
                outcomes.append(outcome)
                _say(outcome)
    except KeyboardInterrupt:
        click.echo(_interrupted(outcomes), err=True)
        return INTERRUPTED
    failures = sum(outcome.failed for outcome in outcomes)
    if len(outcomes) > 1:
        click.echo(f"{len(outcomes)} runs, {failures} failed.")
    return min(failures, MOST)


def _say(outcome):
    path = click.format_filename(outcome.path)
    if outcome.status == "done":
        click.echo(f"done     {outcome.title} in {outcome.seconds:.0f} s: {path}")
    elif outcome.status == "skipped":
        click.echo(f"skipped  {outcome.title}, finished before: {path} (--force runs it again)")
        click.echo(f"         {outcome.reason}")
    else:
        click.echo(f"{outcome.status:<8} {outcome.title}: {outcome.error}", err=True)
        if outcome.path.parent.name == "runs":
            click.echo(f"         log and notebook: {path}", err=True)


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
