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


class _OfNotebook(click.Command):
    """Shows the parameters of the notebook that the command line names, when asked for help."""

    def parse_args(self, ctx, args):
        ctx.meta["arguments"] = list(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx, formatter):
        arguments = [one for one in ctx.meta.get("arguments", ()) if not one.startswith("-")]
        if arguments:
            from moe_lab.cli.running import parameters_of

            with formatter.section("Parameters of the notebook"):
                formatter.write_dl(parameters_of(arguments))


def _engine(command):
    """Add the options that a run and a sweep share."""
    for option in reversed(_ENGINE):
        command = option(command)
    return command


_ENGINE = (
    click.option("--workers", default=1, show_default=True, help="Runs at a time."),
    click.option("--cluster", metavar="ADDRESS", help="Of a Dask scheduler, or local:N."),
    click.option("--engine", default="kernel", show_default=True, help="How kernels start."),
    click.option("--timeout", type=float, metavar="SECONDS", help="Stop a run that takes longer."),
    click.option("--memory", metavar="SIZE", help="Stop a run that takes more, as 4GB."),
    click.option("--retry", is_flag=True, help="Run again what failed."),
    click.option("--force", is_flag=True, help="Run again what is finished, too."),
    click.option("--strict-versions", is_flag=True, help="Run again what other versions made."),
    click.option("--cwd", metavar="FOLDER", help="Where kernels work; default: beside NOTEBOOK."),
    click.option("--dry-run", is_flag=True, help="Say what would be done, and how long it takes."),
    click.option("--yes", is_flag=True, help="Do not ask, however many runs there are."),
)


@main.command(cls=_OfNotebook)
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
@click.option(
    "--grid",
    nargs=2,
    multiple=True,
    metavar="NAME V1,V2,...",
    help="A run for each value, and for each combination of several.",
)
@_engine
@_debug
def run(notebook, given, grid, **settings):
    """Run NOTEBOOK, a name below notebooks/ or a path; exit with the number of failures.

    Parameters, plugins and data sets are checked before a kernel starts; finished runs are skipped.
    With NOTEBOOK, --help lists its parameters.
    """
    from moe_lab.cli.running import run_one

    raise SystemExit(run_one(notebook, dict(given), grid, **settings))


@main.command()
@click.argument("file")
@_engine
@_debug
def sweep(file, **settings):
    """Run what FILE, a TOML file, asks for; exit with the number of failures.

    Its keys: notebook, experiment, [parameters], [grid] of lists, [[exclude]], [[include]].
    """
    from moe_lab.cli.running import run_file

    raise SystemExit(run_file(file, **settings))


@main.command()
@click.argument("experiment", required=False)
@_results_dir
@_debug
def runs(experiment, results_dir):
    """List the runs of EXPERIMENT, or of all: status, parameters that differ, seconds, error."""
    from moe_lab.cli.listing import show_runs

    show_runs(experiment, results_dir)


@main.command()
@click.argument("run")
@_results_dir
@_debug
def show(run, results_dir):
    """Print all of RUN, the name of its folder or the start of it, and where its notebook is."""
    from moe_lab.cli.listing import show_run

    show_run(run, results_dir)


@main.command()
@click.argument("experiment", required=False)
@_results_dir
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@click.option("--stale", is_flag=True, help="Also what older code of the notebook or moe_lab made.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_debug
def gc(experiment, **settings):
    """Remove runs that no longer count, of EXPERIMENT or of all: superseded ones, failed ones."""
    from moe_lab.cli.listing import collect

    collect(experiment, **settings)


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
