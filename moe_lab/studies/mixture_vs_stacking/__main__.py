"""Mixture against stacking, summed up over all finished runs of 04_mixture_vs_stacking.

``python -m moe_lab.studies.mixture_vs_stacking`` prints the page or writes it.
"""

import sys
from pathlib import Path

import click
import pandas as pd

from moe_lab.runs.read import read_runs, read_scores
from moe_lab.studies.mixture_vs_stacking.comparisons import COMPARISONS
from moe_lab.studies.mixture_vs_stacking.figures import plot_cost_and_quality, plot_differences
from moe_lab.studies.mixture_vs_stacking.markdown import write_page
from moe_lab.studies.mixture_vs_stacking.tables import differences

EXPERIMENT = "04_mixture_vs_stacking"


def read_sizes(
    experiment: str,
    results_dir: str,
    n_train: int | None = None,
    rivals: pd.DataFrame | None = None,
) -> dict:
    """Read the scores by the number of training rows that the runs asked for.

    Parameters
    ----------
    experiment, results_dir : str
    n_train : int, optional
        Which number comes first; default: the one with the most data sets.
    rivals : DataFrame, optional
        Scores from elsewhere (`moe_lab.studies.autogluon`), with the column ``asked``: the number
        of training rows that was asked for.

    Returns
    -------
    sizes : dict of int to DataFrame
    """
    done = [run for run in read_runs(experiment, results_dir) if run["status"] == "done"]
    asked = sorted({run["parameters"]["n_train"] for run in done if "n_train" in run["parameters"]})
    if not asked:
        read_scores(experiment, results_dir)  # says what there is
        raise ValueError(f"Runs must have the parameter n_train, got none in {experiment!r}.")
    if n_train is not None and n_train not in asked:
        raise ValueError(f"n_train must be one of {asked}, which were run, got n_train={n_train}.")
    sizes = {n: read_scores(experiment, results_dir, {"n_train": n}) for n in asked}
    if rivals is not None:
        extra = {n: rivals[rivals["asked"] == n].drop(columns="asked") for n in asked}
        sizes = {n: pd.concat([sizes[n], extra[n]], ignore_index=True) for n in asked}
    first = n_train or max(asked, key=lambda n: sizes[n]["dataset"].nunique())
    return {first: sizes[first]} | sizes


def write_figures(scores: pd.DataFrame, folder: Path) -> None:
    """Draw cost against quality, and each comparison of scores set by set, into a folder."""
    if "stacking" in set(scores["method"]):
        plot_cost_and_quality(scores).savefig(folder / "cost.png", dpi=120, bbox_inches="tight")
    for comparison in COMPARISONS:
        asked = comparison.method, comparison.baseline, comparison.metric, comparison.holds
        table = differences(scores, *asked)
        if len(table) and set(table["unit"]) != {"ratio"}:
            title = f"{comparison.method} against {comparison.baseline}: {comparison.title}"
            figure = plot_differences(table, title)
            figure.savefig(folder / f"{comparison.slug}.png", dpi=120, bbox_inches="tight")


@click.command()
@click.option("--experiment", default=EXPERIMENT, show_default=True)
@click.option("--results-dir", default="results", show_default=True)
@click.option("--n-train", type=int, help="Rows of the main tables; default: those of most sets.")
@click.option(
    "--rivals",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="scores.csv of moe_lab.studies.autogluon.study.",
)
@click.option("--write", type=click.Path(file_okay=False, path_type=Path), help="Folder.")
def main(experiment, results_dir, n_train, rivals, write):
    """Print the study's tables; --write FOLDER puts README.md, scores.csv and figures there."""
    try:
        extra = None if rivals is None else pd.read_csv(rivals)
        sizes = read_sizes(experiment, results_dir, n_train, extra)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    runs = [run for run in read_runs(experiment, results_dir) if run["status"] == "done"]
    command = " ".join(["python -m moe_lab.studies.mixture_vs_stacking", *sys.argv[1:]])
    page = write_page(sizes, runs, command)
    click.echo(page)
    if write:
        write.mkdir(parents=True, exist_ok=True)
        (write / "README.md").write_text(page, encoding="utf-8")
        scores = pd.concat([one.assign(asked=n) for n, one in sizes.items()], ignore_index=True)
        scores.to_csv(write / "scores.csv", index=False)
        write_figures(next(iter(sizes.values())), write)


if __name__ == "__main__":
    main()
