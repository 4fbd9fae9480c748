"""The moe-lab command: run notebooks, report on them, list what there is."""

import warnings
from contextlib import contextmanager

import click

__all__ = ["main"]

MISTAKES = (ValueError, TypeError, ImportError, OSError)  # what a sentence is enough for


class _Sentences(click.Group):
    """Turns a user's mistake into one line; --debug, anywhere, shows the traceback."""

    def invoke(self, ctx):
        try:
            with _warnings_as_lines(ctx):
                return super().invoke(ctx)
        except BrokenPipeError:  # `| head` has seen enough
            raise
        except MISTAKES as error:
            if ctx.meta.get("debug"):
                raise
            notes = getattr(error, "__notes__", ())
            raise click.ClickException("\n".join([str(error), *notes])) from error


@contextmanager
def _warnings_as_lines(ctx):
    """Show a warning as a sentence, not with the line of code that gave it."""
    before, said = warnings.showwarning, set()

    def show(message, category, *where, **more):
        if ctx.meta.get("debug") or category is not UserWarning:
            before(message, category, *where, **more)
        elif str(message) not in said:
            said.add(str(message))
            click.echo(f"Warning: {message}", err=True)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _debug(command):
    def keep(ctx, _, value):
        if value:
            ctx.meta["debug"] = True

    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, callback=keep, help=text)(
        command
    )


def _results_dir(command):
    text = "Results folder; a relative one lies below the lab root."
    return click.option("--results-dir", default="results", show_default=True, help=text)(command)


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="moe_lab", message="%(package)s %(version)s")
@_debug
def main():
    """Mixtures of experts, held against stacking: run, report, list."""


@main.command()
@click.argument("notebook")
@click.option(
    "-p",
    "--parameter",
    "given",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter of the notebook; data sets with commas between run in turn.",
)
@click.option("--force", is_flag=True, help="Run again what is finished.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop a run that takes longer.")
@click.option("--strict-versions", is_flag=True, help="Run again what other versions made.")
@click.option("--cwd", metavar="FOLDER", help="Where the kernel works; default: beside NOTEBOOK.")
@_debug
def run(notebook, given, **settings):
    """Run NOTEBOOK, a name below notebooks/ or a path; exit with the number of failures.

    Parameters, plugins and data sets are checked before a kernel starts; finished runs are skipped.
    """
    from moe_lab.cli.running import run_all

    raise SystemExit(run_all(notebook, dict(given), **settings))


@main.command()
@click.argument("experiment")
@_results_dir
@click.option("--baseline", help="What to compare with; default: stacking, where it takes part.")
@click.option("--metric", help="What to judge by; default: rmse or log_loss.")
@_debug
def report(experiment, results_dir, baseline, metric):
    """Print the leaderboards of EXPERIMENT, a name or its notebook, and write its report.html."""
    from moe_lab.cli.showing import show_report

    show_report(experiment, results_dir, baseline, metric)


@main.group()
@_debug
def plugins():
    """What is registered; a new one; whether it keeps the laws."""


@plugins.command("list")
@click.argument("kind", required=False)
@_debug
def list_plugins(kind):
    """List all plugins, or those of one KIND: expert, gate, pooler, ..."""
    from moe_lab.cli.showing import show_plugins

    show_plugins(kind)


@plugins.command("new")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--from", "source", metavar="MODULE.CLASS", help="A scikit-learn estimator, by module.Class."
)
@click.option("--module", is_flag=True, help="An expert that is a torch Module.")
@click.option("--package", is_flag=True, help="A package to be installed, in the current folder.")
@_debug
def new_plugin(kind, name, package, **given):
    """Write a plugin of a KIND (expert, gate, ...) that works, with its test, into registry/."""
    from moe_lab.cli.plugins import say_written, write_plugin

    say_written(write_plugin(kind, name, package=package, **given), name, package)


@plugins.command("check")
@click.argument("file_or_name")
@click.option("--kind", help="Of several plugins of that name, this one.")
@click.option("--seconds", default=60.0, show_default=True, help="Limit for each law.")
@_debug
def check_plugin(file_or_name, kind, seconds):
    """Print which laws of its kind a plugin keeps; exit with 1 if it breaks one."""
    from moe_lab.cli.plugins import check

    raise SystemExit(check(file_or_name, kind, seconds))


@main.command()
@_debug
def datasets():
    """List the data sets."""
    from moe_lab.cli.showing import show_datasets

    show_datasets()


@main.command()
@_results_dir
@_debug
def lab(results_dir):
    """Print lab root, results folder, versions, devices and broken plugins."""
    from moe_lab.cli.showing import show_lab

    show_lab(results_dir)


@main.command()
@click.argument("folder")
@_debug
def init(folder):
    """Make a lab of your own in FOLDER: notebooks, examples of plugins, results."""
    from moe_lab.cli.labs import make_lab, say_made

    say_made(make_lab(folder), folder)


@main.command("open", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def open_(options):
    """Start JupyterLab on the lab's notebooks; OPTIONS are passed on to it."""
    from moe_lab.cli.labs import open_lab

    raise SystemExit(open_lab(options))
