"""The study as a page: what was reached, set by set, real and generated sets apart."""

from datetime import date

import pandas as pd

from moe_lab.bench.statistics import sum_up, summary
from moe_lab.bench.words import number
from moe_lab.runs.provenance import machine
from moe_lab.studies.mixture_vs_stacking.comparisons import COMPARISONS, DEFAULT, is_generated
from moe_lab.studies.mixture_vs_stacking.figures import cost_and_quality
from moe_lab.studies.mixture_vs_stacking.tables import (
    against_rivals,
    goals,
    per_set,
    rival_goals,
)

__all__ = ["as_markdown", "write_page"]


def write_page(sizes: dict, runs: list[dict], command: str) -> str:
    """Return the page of the study as Markdown.

    Parameters
    ----------
    sizes : dict of int to DataFrame
        Training rows asked for -> scores; the first is the study, the others show how it changes
        with the rows.
    runs : list of dict
        Records of the runs the scores are from.
    command : str
        What writes this page.
    """
    n_train, scores = next(iter(sizes.items()))
    parts = [
        "# Mixture against stacking",
        _facts(runs, command, scores, n_train),
        "## What was reached",
        _REACHED,
        as_markdown(_goal_table(goals(scores))),
        "## The default against its rivals",
        *_rivals(scores),
        "## Every method",
        _EVERY,
        *_every_method(scores),
        "## Cost against quality",
        "![cost against quality](cost.png)",
        as_markdown(cost_and_quality(scores).round(3)),
        "## Set by set",
        *_set_by_set(scores),
        "## By rows",
        *_by_rows(sizes),
    ]
    return "\n\n".join(parts) + "\n"


_REACHED = """\
Differences are means over real data sets (regime data: over generated ones), in % of the rival's
score or in nats, with standard errors over sets; ratios for seconds. Lower is better. A set is won
or lost beyond .5 % (.005 nats), worse beyond +1 % (.01 nats) by two standard errors over seeds; p:
Wilcoxon's signed-rank test over sets. "Four" and "auto" are the pools of both sides."""
_EVERY = "Means over sets, in %; of each set its primary metric (log-loss or RMSE)."


def _facts(runs, command, scores, n_train):
    commits = sorted({str(run.get("git_commit"))[:7] for run in runs})
    days = sorted(run["finished"][:10] for run in runs)
    seeds = scores.groupby("dataset")["seed"].nunique()
    lines = [
        f"- command: `{command}`, from {len(runs)} runs of {days[0]} to {days[-1]}",
        f"- commit of the runs: {', '.join(commits)}",
        f"- summed up on: {machine()}, {date.today().isoformat()}",
        f"- training rows: {n_train:,} (70 % of smaller sets); splits a set: "
        f"{', '.join(map(str, sorted(seeds.unique())))}; standard errors over them are plain ones",
    ]
    return "\n".join(lines)


def _goal_table(table):
    shown = pd.DataFrame({"comparison": table["comparison"], "sets": table["n_datasets"]})
    shown["difference"] = [
        _with_se(row.difference, row.se) if row.n_datasets else "not run"
        for row in table.itertuples()
    ]
    shown["median"] = table["median"].map(lambda value: number(value, 3))
    outcomes = zip(table["wins"], table["ties"], table["losses"], strict=True)
    shown["won/tied/lost"] = ["/".join(map(str, counts)) for counts in outcomes]
    shown["worse"] = table["worse"].map(", ".join)
    shown["p"] = table["p_value"].map(lambda value: number(value, 2))
    shown["asked"] = [_asked(comparison) for comparison in COMPARISONS]
    for level in ("goal", "aim"):
        shown[level] = table[level].map({True: "reached", False: "missed"}).fillna("")
    return shown


def _with_se(mean, se):
    return " ± ".join(filter(None, [number(mean, 3), number(se, 2)]))


def _asked(comparison):
    goal = [f"mean {comparison.mean:g}"]
    goal += [f"{comparison.wins:.0%} won"] if comparison.wins else []
    goal += ["none worse"] if comparison.none_worse else []
    aim = f"aim {comparison.aim:g}"
    aim += f" on {comparison.aim_share:.0%}" if comparison.aim_share else ""
    aim += f", {comparison.aim_wins:.0%} won" if comparison.aim_wins else ""
    return f"{', '.join(goal)}; {aim}"


def _rivals(scores):
    table, behind = against_rivals(scores)
    if not len(table):
        return [f"No real set has scores of `{DEFAULT}` and a rival."]
    worst = behind.loc[behind["difference"].idxmax()]
    shown = table.assign(worse=table["worse"].map(", ".join))
    columns = [
        "baseline",
        "n_datasets",
        "difference",
        "se",
        "median",
        "wins",
        "ties",
        "losses",
        "better",
    ]
    shown = shown[[*columns, "worse", "p_value", "fit_cpu_ratio"]].round(3)
    intro = (
        "Real sets, each in its primary metric. Farthest behind its best rival: "
        f"{worst['dataset']}, {worst['difference']:+.1f} % to {worst['rival']}; "
        f"{(behind['difference'] > 3).sum()} of {len(behind)} sets are more than 3 % behind."
    )
    reached = rival_goals(table, behind).round(3)
    reached["reached"] = (
        reached["reached"].map({True: "reached", False: "missed"}).fillna("not run")
    )
    return [intro, as_markdown(reached), as_markdown(shown)]


def _every_method(scores):
    parts = []
    for kind, one in _by_kind(scores):
        for baseline in ("stacking", "log-odds stacking"):
            held = one[one["dataset"].isin(one.loc[one["method"] == baseline, "dataset"])]
            if len(held):
                table = as_markdown(summary(held, baseline).round(2))
                parts += [f"### {kind} sets, against {baseline}", table]
    return parts


def _by_kind(scores):
    generated = scores["dataset"].map(is_generated)
    kinds = {"Real": scores[~generated], "Generated": scores[generated]}
    return [(kind, one) for kind, one in kinds.items() if len(one)]


def _set_by_set(scores):
    parts, named = [], {comparison.title: comparison for comparison in COMPARISONS}
    for title, one in per_set(scores).groupby("comparison", sort=False):
        who = named[title]
        parts += [f"### {title}: {who.method} against {who.baseline}"]
        if set(one["unit"]) != {"ratio"}:
            parts += [f"![{title}]({who.slug}.png)"]
        parts += [as_markdown(one.drop(columns="comparison").round(3))]
    return parts or ["No data set has scores of both sides of a comparison."]


def _by_rows(sizes):
    """One line a comparison and number of rows; sets that are too small for more come once."""
    rows, seen = [], set()
    for n_train, scores in sizes.items():
        tables = per_set(scores)
        new = [key not in seen for key in zip(tables["dataset"], tables["n_train"], strict=True)]
        seen |= set(zip(tables["dataset"], tables["n_train"], strict=True))
        for title, one in tables[new].groupby("comparison", sort=False):
            sums = sum_up(one)
            named = ("n_datasets", "difference", "se", "median", "wins", "ties", "losses")
            rows.append({"comparison": title, "n_train": n_train} | {k: sums[k] for k in named})
    if len(sizes) < 2 or not rows:
        return ["All runs have the same number of training rows."]
    table = pd.DataFrame(rows).sort_values("comparison", kind="stable")
    intro = "Sets that cannot give more rows than before are not counted again."
    return [intro, as_markdown(table.round(3))]


def as_markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown.

    Examples
    --------
    >>> print(as_markdown(pd.DataFrame({"set": ["a"], "difference": [-1.5]})))
    | set | difference |
    |---|---|
    | a | -1.5 |
    """
    lines = [list(table.columns), *table.astype(object).to_numpy().tolist()]
    shown = [f"| {' | '.join(_cell(value) for value in line)} |" for line in lines]
    return "\n".join([shown[0], "|" + "---|" * table.shape[1], *shown[1:]])


def _cell(value):
    if isinstance(value, float):
        return number(value, 4)
    return str(value).replace("|", "\\|")
