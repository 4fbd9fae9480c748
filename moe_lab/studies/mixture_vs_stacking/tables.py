"""Tables of the study: differences set by set, their sum over sets, what was reached."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from moe_lab.bench.statistics import paired, pick_metric, sum_up
from moe_lab.studies.mixture_vs_stacking.comparisons import (
    COMPARISONS,
    DEFAULT,
    RIVALS,
    Comparison,
    is_generated,
)

__all__ = [
    "against_rivals",
    "differences",
    "goals",
    "per_set",
    "rival_goals",
]


def differences(
    scores: pd.DataFrame,
    method: str,
    baseline: str,
    metric: str | None = None,
    holds: Callable = lambda dataset: True,
) -> pd.DataFrame:
    """Compare two methods on every data set that has scores of both.

    Parameters
    ----------
    scores : DataFrame
        From `read_scores`.
    method, baseline : str
        Labels.
    metric : str, optional
        Default: the primary metric of each set. A column of seconds gives the ratio of the means.
    holds : callable, optional
        Says of a data set whether it counts.

    Returns
    -------
    table : DataFrame
        One row a data set: dataset, n_train, metric, difference (% of the baseline's score; nats
        for nll; the ratio for seconds), se (over seeds; NaN for ratios), n, unit.
    """
    rows = []
    for name, one in scores.groupby("dataset", sort=False):
        both = one[one["method"].isin([method, baseline])]
        if both["method"].nunique() < 2 or not holds(name):
            continue
        row = (
            _ratio(both, method, metric)
            if _is_seconds(metric)
            else _difference(both, baseline, metric)
        )
        if row is not None:
            rows.append({"dataset": name, "n_train": round(one["n_train"].mean()), **row})
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = ["dataset", "n_train", "metric", "difference", "se", "n", "unit"]


def _is_seconds(metric):
    return (metric or "").endswith("_seconds")


def _ratio(both, method, metric):
    seconds = both[both["metric"] == pick_metric(both)].groupby("method")[metric].mean()
    other = seconds.drop(method).iloc[0]
    ratio = {"metric": metric, "difference": seconds[method] / other, "se": np.nan}
    return ratio | {"n": both["seed"].nunique(), "unit": "ratio"}


def _difference(both, baseline, metric):
    metric = metric or pick_metric(both)
    measured = both[both["metric"] == metric]
    if measured["method"].nunique() < 2:
        return None
    (row,) = paired(measured, baseline, metric).to_dict("records")
    return {name: row[name] for name in ("metric", "difference", "se", "n", "unit")}


def per_set(scores: pd.DataFrame, comparisons: Sequence[Comparison] = COMPARISONS) -> pd.DataFrame:
    """Return the differences of all comparisons under each other, with the column comparison."""
    tables = [
        differences(scores, c.method, c.baseline, c.metric, c.holds).assign(comparison=c.title)
        for c in comparisons
    ]
    return pd.concat(tables, ignore_index=True)[["comparison", *_COLUMNS]]


def goals(scores: pd.DataFrame, comparisons: Sequence[Comparison] = COMPARISONS) -> pd.DataFrame:
    """Hold every comparison against what was to be reached.

    Parameters
    ----------
    scores : DataFrame
        From `read_scores`, without generated sets for all but the regime data (they are left out
        here).
    comparisons : sequence of Comparison

    Returns
    -------
    table : DataFrame
        One row a comparison: comparison, what `sum_up` says, aim_sets (share of the sets that
        reach the aim each), goal and aim (reached or not; None where no set was run).
    """
    rows = []
    for comparison in comparisons:
        table = differences(
            scores, comparison.method, comparison.baseline, comparison.metric, comparison.holds
        )
        sums = sum_up(table)
        aim_sets = (table["difference"] <= comparison.aim).mean() if len(table) else np.nan
        reached = _reached(comparison, sums, aim_sets) if len(table) else (None, None)
        rows.append(
            {"comparison": comparison.title, **sums, "aim_sets": aim_sets}
            | dict(zip(("goal", "aim"), reached, strict=True))
        )
    return pd.DataFrame(rows)


def _reached(comparison, sums, aim_sets):
    wins = sums["wins"] / sums["n_datasets"]
    goal = sums["difference"] <= comparison.mean and wins >= comparison.wins
    goal &= not (comparison.none_worse and sums["worse"])
    if comparison.aim_share:
        return bool(goal), bool(aim_sets >= comparison.aim_share)
    return bool(goal), bool(sums["difference"] <= comparison.aim and wins >= comparison.aim_wins)


def against_rivals(
    scores: pd.DataFrame, method: str = DEFAULT, rivals: Sequence[str] = RIVALS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold one method against several rivals on the real sets, in the primary metric of each.

    Returns
    -------
    table : DataFrame
        One row a rival that was run: baseline, what `sum_up` says, better (share of sets won),
        fit_cpu_ratio (mean over sets).
    behind : DataFrame
        One row a data set: dataset, rival (the best one there), difference (% to it).
    """
    rows, tables = [], {}
    for rival in rivals:
        table = differences(scores, method, rival, holds=lambda name: not is_generated(name))
        if not len(table):
            continue
        cpu = differences(
            scores, method, rival, "fit_cpu_seconds", lambda name: not is_generated(name)
        )
        tables[rival] = table.set_index("dataset")["difference"]
        sums = sum_up(table)
        better = sums["wins"] / sums["n_datasets"]
        ratio = cpu["difference"].mean()
        rows.append({"baseline": rival, **sums, "better": better, "fit_cpu_ratio": ratio})
    each = pd.DataFrame(tables)
    behind = pd.DataFrame({"rival": each.idxmax(axis=1), "difference": each.max(axis=1)})
    return pd.DataFrame(rows), behind.rename_axis("dataset").reset_index()


def rival_goals(table: pd.DataFrame, behind: pd.DataFrame) -> pd.DataFrame:
    """Hold what `against_rivals` says against what was to be reached.

    Returns
    -------
    goals : DataFrame
        asked, measured, reached (None where the rival was not run).
    """
    by_rival = table.set_index("baseline").reindex(RIVALS)
    rows = [("mean against stacking <= -8 %", by_rival.loc["stacking", "difference"], -8.0)]
    rows += [
        (f"share of sets not won from {r} <= .2", 1 - by_rival.loc[r, "better"], 0.2)
        for r in RIVALS
    ]
    rows += [("farthest behind the best rival <= 3 %", behind["difference"].max(), 3.0)]
    rows += [("CPU seconds <= 1 x AutoGluon's", by_rival.loc["AutoGluon", "fit_cpu_ratio"], 1.0)]
    reached = [
        (asked, value, None if np.isnan(value) else bool(value <= most))
        for asked, value, most in rows
    ]
    return pd.DataFrame(reached, columns=["asked", "measured", "reached"])
