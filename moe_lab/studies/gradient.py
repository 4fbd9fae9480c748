"""Networks trained jointly with their gate, against an ensemble of the same networks.

``python -m moe_lab.studies.gradient`` prints the tables and writes them, with the scores, into
a folder. The ensemble has more members than the mixture has experts, so that it has at least as
many parameters as experts and gate. One random split a seed; generated sets are drawn anew.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import click
import pandas as pd

from moe_lab.bench.comparison import compare
from moe_lab.bench.lineup import split_names
from moe_lab.bench.statistics import paired
from moe_lab.registry import datasets
from moe_lab.studies.mixture_vs_stacking.markdown import as_markdown

REGIMES = ("piecewise", "lightgbm_moe", "switching")
ORDINARY = (
    "abalone", "ames", "concrete", "diamonds", "flights", "friedman1", "puma32h", "robot_arm",
    "credit_status", "hypothyroid", "satimage", "telco_churn", "vowel",
)  # fmt: skip
GENERATED = (*REGIMES, "friedman1", "robot_arm")
N_EXPERTS, N_MEMBERS = 4, 6
HIDDEN = (64,)


def lineup(n_bins: int = 0) -> dict:
    """Return the methods to compare by their labels, all of the same networks.

    Parameters
    ----------
    n_bins : int, default=0
        Pieces by which the networks embed numbers; 0: they read them as they are.
    """
    expert = ("mlp", {"hidden": HIDDEN, "n_bins": n_bins})
    shares = {"row_share": 1.0, "column_share": 1.0}
    mixture = {"experts": expert, "n_experts": N_EXPERTS}
    return {
        "ensemble": ("matched_ensemble", {"expert": expert, "n_members": N_MEMBERS, **shares}),
        "likelihood": ("moe", {**mixture, "train": "gradient"}),
        "pooled": ("moe", {**mixture, "train": ("gradient", {"objective": "pooled"})}),
    }


def study(
    names: Sequence[str], n_train: int, seeds: Sequence[int], n_bins: int = 0
) -> pd.DataFrame:
    """Fit and score all methods on one split a seed of every data set.

    Parameters
    ----------
    names : sequence of str
    n_train : int
    seeds : sequence of int
    n_bins : int, default=0
        As for `lineup`.

    Returns
    -------
    scores : DataFrame
        As `compare` returns it.
    """
    for name in names:
        datasets.get(name)  # a misspelt one is named before the first fit
    tables = []
    for name, seed in product(names, seeds):
        data = datasets.create(name, **({"random_state": seed} if name in GENERATED else {}))
        methods = lineup(n_bins)
        tables.append(compare(methods, data, n_train=n_train, n_test=2000, seeds=[seed]))
    return pd.concat(tables, ignore_index=True)


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a data set: RMSE or log-loss of the ensemble, and what the mixtures are over
    it in per cent, with the standard error over seeds."""
    rows: dict = {}
    for (name, method), row in (
        paired(scores, "ensemble").set_index(["dataset", "method"]).iterrows()
    ):
        of_ensemble = (scores["dataset"] == name) & (scores["method"] == "ensemble")
        base = scores.loc[of_ensemble & (scores["metric"] == row["metric"]), "score"].mean()
        cells = rows.setdefault(name, {"metric": row["metric"], "ensemble": f"{base:.4g}"})
        cells[method] = f"{row['difference']:+.1f} ± {row['se']:.1f}"
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("data set")


@click.command(
    help="Networks trained jointly with their gate against an ensemble of them.",
    context_settings={"show_default": True},
)
@click.option("--datasets", "names", default=",".join((*REGIMES, *ORDINARY)))
@click.option("--n-train", default=1500, type=click.IntRange(min=1), help="Training rows.")
@click.option("--seeds", default=5, type=click.IntRange(min=2), help="Splits.")
@click.option(
    "--n-bins",
    default=0,
    type=click.IntRange(min=0),
    show_default=True,
    help="Pieces of each number.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def main(names, n_train, seeds, n_bins, out):
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    scores = study(split_names(names), n_train, range(seeds), n_bins)
    table = as_markdown(differences(scores).reset_index())
    click.echo(table)
    if out is not None:
        scores.to_csv(out / "scores.csv", index=False, float_format="%.6g")
        (out / "table.md").write_text(table + "\n")


if __name__ == "__main__":
    main()
