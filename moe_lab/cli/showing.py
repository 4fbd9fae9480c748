"""moe-lab report, plugins, datasets, lab: tables in the terminal."""

import os
import warnings
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 140  # columns where the output is no terminal


def show_report(
    experiment: str, results_dir: str | Path, baseline: str | None = None, metric: str | None = None
) -> None:
    """Print what an experiment's runs say, and write the report."""
    from moe_lab.bench.statistics import leaderboard, summary
    from moe_lab.bench.words import in_words
    from moe_lab.runs.read import read_scores
    from moe_lab.runs.report import pick, write_report

    path = write_report(experiment, results_dir, baseline, metric)
    scores, baseline = pick(read_scores(experiment, results_dir), baseline, metric)
    console = new_console()
    for name, board in leaderboard(scores, baseline, metric).groupby("dataset", sort=False):
        console.print(_board(name, board, baseline))
    shared = scores.groupby("dataset").filter(lambda one: (one["method"] == baseline).any())
    if shared["dataset"].nunique() > 1:
        console.print(_summary(summary(shared, baseline, metric), baseline))
    for sentence in in_words(scores, baseline, metric):
        console.print(f"- {sentence}")
    console.print(f"report: {path}", soft_wrap=True)


def show_plugins(kind: str | None = None) -> None:
    """Print name, summary and origin of all plugins, or of one kind."""
    from moe_lab.registry.kinds import find_kind, kinds
    from moe_lab.registry.lab import misplaced_files

    console = new_console()
    for plugins in kinds().values() if kind is None else [find_kind(kind)]:
        console.print(_cards(plugins))
        _print_broken(console, plugins)
    for sentence in misplaced_files():
        console.print(sentence, style="red")


def show_datasets() -> None:
    """Print the registered data sets."""
    from moe_lab.registry import datasets

    console = new_console()
    console.print(_cards(datasets))
    _print_broken(console, datasets)
    console.print("Your own: -p dataset path/to/table.csv -p target COLUMN")


def show_lab(results_dir: str | Path) -> None:
    """Print where the lab is, what it runs on, and what is broken."""
    from moe_lab.device import resolve_device
    from moe_lab.registry.kinds import kinds
    from moe_lab.registry.lab import lab_root, misplaced_files
    from moe_lab.runs.provenance import versions
    from moe_lab.runs.store import results_folder

    console = new_console()
    root = (
        lab_root()
        or "none (set MOE_LAB_ROOT, or work below a folder whose pyproject.toml has [tool.moe_lab])"
    )
    rows = {
        "lab root": root,
        "results": results_folder(results_dir),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "devices": f"{os.cpu_count()} CPU cores; device 'auto' is {resolve_device('auto')}",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(name, str(value))
    console.print(table)
    broken = sum(_print_broken(console, one) for one in kinds().values())
    if not broken:
        console.print("broken plugins: none")
    for sentence in misplaced_files():
        console.print(sentence, style="red")


def new_console() -> Console:
    """Return where tables are printed: as wide as the terminal, or wide enough for a pipe."""
    import sys

    # Names are shown as they are: data[bold].csv is no markup, :cat: no emoji.
    plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
    return Console(width=None if sys.stdout.isatty() else WIDE, **plain)


def _board(name, board, baseline):
    from moe_lab.bench.words import amount, number

    metric = board["metric"].iloc[0]
    against = f" against {baseline}" if baseline in set(board["method"]) else ""
    table = Table(title=f"{name}: {metric}{against}", title_justify="left")
    _add_columns(table, metric, "difference %", "won/tied/lost", "fit s", "CPU s")
    for row in board.itertuples():
        known = row.difference == row.difference
        table.add_row(
            row.method,
            f"{number(row.score)} ± {number(row.score_se, 2)}",
            amount(row.difference, row.se),
            f"{row.wins}/{row.ties}/{row.losses}" if known else "",
            f"{row.fit_seconds:.2f}",
            f"{row.fit_cpu_seconds:.2f}",
        )
    return table


def _summary(rows, baseline):
    from moe_lab.bench.words import amount

    title = f"All data sets against {baseline}, each counted once"
    table = Table(title=title, title_justify="left")
    _add_columns(table, "data sets", "mean difference", "won/tied/lost")
    for row in rows.itertuples():
        table.add_row(
            row.method,
            str(row.n_datasets),
            f"{amount(row.difference, row.se)} {row.unit}",
            f"{row.wins}/{row.ties}/{row.losses}",
        )
    return table


def _add_columns(table, *numbers):
    """Add the column of methods, which folds in a narrow terminal, and those of numbers."""
    table.add_column("method", overflow="fold")
    for column in numbers:
        table.add_column(column, justify="right", no_wrap=True)


def _cards(plugins):
    table = Table(title=f"{plugins.kind}s", title_justify="left")
    for column in ("name", "summary", "origin"):
        table.add_column(column, no_wrap=column == "name")
    with warnings.catch_warnings():  # broken ones are printed below the table
        warnings.filterwarnings("ignore", message=".* is left out", category=UserWarning)
        for card in plugins.cards():
            table.add_row(card.name, card.summary, card.origin)
    return table


def _print_broken(console, plugins):
    """Print the broken plugins of one kind and return how many there are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* is left out", category=UserWarning)
        broken = plugins.broken
    for name, (origin, error) in broken.items():
        text = f"broken {plugins.kind}: {name} from {origin}: {type(error).__name__}: {error}"
        console.print(text, style="red")
    return len(broken)
