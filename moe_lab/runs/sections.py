"""What a report says: tables and figures over all data sets, and of each, with their runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from moe_lab.bench.figures import plot_cost, plot_scores
from moe_lab.bench.ranks import loss_table, rank_methods, signed_ranks
from moe_lab.bench.statistics import leaderboard, losses, paired, summary
from moe_lab.bench.words import CONTROL, ROUTED, in_words, of_routing
from moe_lab.plots.ranks import draw_differences, draw_ranks, draw_trade
from moe_lab.runs.skip import same_parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Shown", "calibration", "failures", "of_dataset", "overview", "routing", "verdicts"]

LOSS = "loss against {}, % or hundredths of a nat (below 0 is better)"


class Shown(NamedTuple):
    """A figure of the report.

    Attributes
    ----------
    name, caption : str
        Of its file, and below it.
    figure : matplotlib Figure, or bytes of a PNG
    runs : list of str
        Those whose scores it shows.
    """

    name: str
    caption: str
    figure: Figure | bytes
    runs: list


def verdicts(scores: pd.DataFrame, baseline: str, metric: str | None = None) -> pd.DataFrame:
    """Return the leaderboard over all data sets: one row a method, the best mean rank first.

    Columns method, n_datasets, rank, and against the baseline difference, se, unit, wins, ties,
    losses, better, equivalent, worse.
    """
    table = loss_table(scores, metric)
    ranks = table.dropna(axis=1).rank(axis=1).mean()
    board = pd.DataFrame({"method": table.columns, "n_scored": table.notna().sum().to_numpy()})
    board["rank"] = board["method"].map(ranks)
    held = _held(scores, baseline)
    if len(held):
        board = board.merge(summary(held, baseline, metric), how="left", on="method")
        chances = signed_ranks(held, baseline, metric).drop(columns="n_datasets")
        board = board.merge(chances, how="left", on="method")
    order = ["rank", "difference"] if "difference" in board else ["rank"]
    return board.sort_values(order, ignore_index=True)


def overview(scores: pd.DataFrame, baseline: str, metric: str | None = None) -> list[Shown]:
    """Draw what holds over several data sets; nothing for a single one."""
    if scores["dataset"].nunique() < 2:
        return []
    runs = _runs(scores)
    shown, ranking = [], rank_methods(loss_table(scores, metric))
    if ranking:
        out = f" Not on every set, and left out: {', '.join(ranking.left_out)}."
        caption = (
            f"Mean ranks over {ranking.n_datasets} data sets. Methods under one bar cannot be told "
            f"apart (Nemenyi, .05); Friedman's test that all are alike: p = {ranking.p_value:.2g}."
            f"{out if ranking.left_out else ''}"
        )
        figure = draw_ranks(ranking.ranks, ranking.pairwise, ranking.critical_difference)
        shown.append(Shown("critical_difference", caption, figure, runs))
    held = _held(scores, baseline)
    if len(held):
        table = _losses(held, baseline, metric)
        caption = f"Every data set: what each method loses against {baseline}; blue is better."
        figure = draw_differences(table.T, LOSS.format(baseline))
        shown.append(Shown("differences", caption, figure, _runs(held)))
        caption = (
            f"Cost against quality over the sets: fit seconds as a multiple of {baseline}'s "
            "(geometric mean), and the mean loss with its standard error over sets. Lower left is "
            "best."
        )
        figure = draw_trade(_trade(held, table, baseline), f"fit seconds / {baseline}'s", "loss")
        shown.append(Shown("cost_against_quality", caption, figure, _runs(held)))
    return shown


def _held(scores, baseline):
    """Return the scores of the data sets on which the baseline took part, and another."""
    return scores.groupby("dataset").filter(
        lambda one: (one["method"] == baseline).any() and one["method"].nunique() > 1
    )


def _losses(held, baseline, metric):
    """Return a table of losses: methods in rows, the best first, data sets in columns."""
    rows = paired(held, baseline, metric)
    rows["loss"] = pd.concat(
        [pd.Series(losses(one), one.index) for _, one in rows.groupby("unit", sort=False)]
    )
    table = rows.pivot(index="method", columns="dataset", values="loss")
    return table.loc[table.mean(axis=1).sort_values().index]


def _trade(held, table, baseline):
    """Return method, cost (a multiple of the baseline's seconds), loss and its standard error."""
    import numpy as np

    seconds = held.groupby(["method", "dataset"])["fit_seconds"].mean().unstack("dataset")
    ratio = np.exp(np.log(seconds.clip(lower=1e-4) / seconds.loc[baseline].clip(lower=1e-4)))
    cost = np.exp(np.log(ratio).mean(axis=1))
    rows = [
        (name, cost[name], one.mean(), one.std(ddof=1) / np.sqrt(max(1, one.count())))
        for name, one in table.iterrows()
    ]
    rows.append((baseline, 1.0, 0.0, np.nan))
    return pd.DataFrame(rows, columns=["method", "cost", "loss", "se"]).dropna(subset="loss")


def routing(scores: pd.DataFrame, metric: str | None = None) -> list[str]:
    """Say of each data set whether what varies with the input has paid, where both were run."""
    told = [
        (name, sentence)
        for name, one in scores.groupby("dataset", sort=False)
        if {ROUTED, CONTROL} <= set(one["method"])
        for sentence in of_routing(one, metric)
    ]
    counts = Counter(sentence.partition(":")[0] for _, sentence in told)
    sums = ", ".join(f"{verdict} on {count}" for verdict, count in counts.most_common())
    over = [f"Over {len(told)} data sets: {sums}."] if len(told) > 1 else []
    return [*over, *(f"{name}: {sentence}" for name, sentence in told)]


def calibration(scores: pd.DataFrame) -> pd.DataFrame:
    """Return for each method the means over data sets of what says how sure it may be.

    Columns method, n_datasets, and as far as they were measured calibration_error (fraction),
    nll and crps (mean over sets), coverage_50, ... (fraction; should be what the name says).
    """
    held = scores[
        scores["metric"].isin(["calibration_error", "nll", "crps"])
        | scores["metric"].str.startswith("coverage_")
    ].dropna(subset="score")
    if held.empty:
        return pd.DataFrame()
    by_set = held.groupby(["method", "metric", "dataset"], sort=False)["score"].mean()
    table = by_set.groupby(["method", "metric"], sort=False).mean().unstack("metric")
    counts = held.groupby("method")["dataset"].nunique()
    table.insert(0, "n_datasets", counts)
    return table.sort_values(table.columns[1], kind="stable").reset_index()


def failures(runs: list[dict]) -> list[dict]:
    """Return the runs without a result of which no later one has succeeded."""
    return [
        run
        for place, run in enumerate(runs)
        if run["status"] != "done"
        and not any(
            later["status"] == "done" and same_parameters(later["parameters"], run["parameters"])
            for later in runs[place + 1 :]
        )
    ]


def of_dataset(
    name: str,
    scores: pd.DataFrame,
    runs: list[dict],
    baseline: str,
    metric: str | None,
    methods: list[str],
) -> dict[str, Any]:
    """Collect what the report shows of one data set."""
    first, ids = scores.iloc[0], _runs(scores)
    board = leaderboard(scores, baseline, metric)
    return {
        "name": name,
        "task": first["task"],
        "folds": first["n_folds"],
        "seeds": scores["seed"].nunique(),
        "n_train": scores["n_train"].max(),
        "n_test": scores["n_test"].max(),
        "sentences": in_words(scores, baseline, metric),
        "board": board.to_dict("records"),
        "runs": ids,
        "figures": [
            Shown("scores", "Every fold's score for each method", plot_scores(scores, metric), ids),
            Shown(
                "cost",
                "Score against fit seconds",
                plot_cost(scores, metric, methods=methods),
                ids,
            ),
            *_saved_figures(scores["run"].iloc[-1], runs),
        ],
    }


def _saved_figures(name, runs):
    """Return the figures that the notebook of a run saved, except those drawn here anew."""
    (folder,) = (run["folder"] for run in runs if run["folder"].name == name)
    for path in sorted(folder.glob("figures/*.png")):
        if path.stem not in ("scores", "cost"):
            caption = path.stem.replace("_", " ").capitalize()
            yield Shown(path.stem, caption, path.read_bytes(), [name])


def _runs(scores):
    return list(dict.fromkeys(scores["run"]))
