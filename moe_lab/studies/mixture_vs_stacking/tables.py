"""Tables of the study: differences set by set, their sum over sets, what was reached."""

import numpy as np
import pandas as pd

from moe_lab.bench.statistics import TIE, paired, pick_metric
from moe_lab.studies.mixture_vs_stacking.comparisons import (
    COMPARISONS,
    DEFAULT,
    RIVALS,
    is_generated,
)

__all__ = [
    "WORSE",
    "against_rivals",
    "differences",
    "goals",
    "over_sets",
    "per_set",
    "rival_goals",
]

WORSE = 1.0  # percent (or hundredths of a nat) beyond which a set is lost by two standard errors


def differences(scores, method, baseline, metric=None, holds=lambda dataset: True):
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
    told = {"metric": metric, "difference": seconds[method] / other, "se": np.nan}
    return told | {"n": both["seed"].nunique(), "unit": "ratio"}


def _difference(both, baseline, metric):
    metric = metric or pick_metric(both)
    measured = both[both["metric"] == metric]
    if measured["method"].nunique() < 2:
        return None
    (row,) = paired(measured, baseline, metric).to_dict("records")
    return {name: row[name] for name in ("metric", "difference", "se", "n", "unit")}


def over_sets(table) -> dict:
    """Sum the differences up over data sets.

    Returns
    -------
    summary : dict
        n_sets, mean, se (over sets), median, wins, ties, losses (ties within .5 % or .005 nats, for
        ratios .5 % of 1), worse (names of the sets beyond +1 % or +.01 nats by two standard
        errors), p_value of Wilcoxon's signed-rank test (NaN for fewer than two sets that differ).

    Examples
    --------
    >>> table = pd.DataFrame({"dataset": ["a", "b"], "difference": [-3.0, 0.2], "se": [0.5, 0.1],
    ...     "unit": "%"})
    >>> told = over_sets(table)
    >>> told["n_sets"], round(float(told["mean"]), 6), told["wins"], told["ties"], told["worse"]
    (2, -1.4, 1, 1, [])
    """
    difference = table["difference"].to_numpy(dtype=float)
    se = table["se"].to_numpy(dtype=float)
    loss, scale = _losses(difference, set(table["unit"]))
    beyond = loss - WORSE > 2 * np.where(np.isnan(se), np.inf, se) * scale
    return {
        "n_sets": len(table),
        "mean": difference.mean() if len(table) else np.nan,
        "se": np.std(difference, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.nan,
        "median": np.median(difference) if len(table) else np.nan,
        "wins": int((loss < -TIE).sum()),
        "ties": int((np.abs(loss) <= TIE).sum()),
        "losses": int((loss > TIE).sum()),
        "worse": list(table.loc[beyond, "dataset"]),
        "p_value": _wilcoxon(loss),
    }


def _losses(difference, units):
    """Return what is lost in % or hundredths of a nat, and the factor that brings it there."""
    if units == {"ratio"}:
        return 100 * (difference - 1), 100
    scale = 100 if units == {"nats"} else 1
    return scale * difference, scale


def _wilcoxon(loss):
    from scipy.stats import wilcoxon

    if np.isnan(loss).any() or np.count_nonzero(loss) < 2:
        return np.nan
    return float(wilcoxon(loss).pvalue)


def per_set(scores, comparisons=COMPARISONS):
    """Return the differences of all comparisons under each other, with the column comparison."""
    tables = [
        differences(scores, c.method, c.baseline, c.metric, c.holds).assign(comparison=c.title)
        for c in comparisons
    ]
    return pd.concat(tables, ignore_index=True)[["comparison", *_COLUMNS]]


def goals(scores, comparisons=COMPARISONS):
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
        One row a comparison: comparison, what `over_sets` says, aim_sets (share of the sets that
        reach the aim each), goal and aim (reached or not; None where no set was run).
    """
    rows = []
    for comparison in comparisons:
        table = differences(
            scores, comparison.method, comparison.baseline, comparison.metric, comparison.holds
        )
        told = over_sets(table)
        aim_sets = (table["difference"] <= comparison.aim).mean() if len(table) else np.nan
        reached = _reached(comparison, told, aim_sets) if len(table) else (None, None)
        rows.append(
            {"comparison": comparison.title, **told, "aim_sets": aim_sets}
            | dict(zip(("goal", "aim"), reached, strict=True))
        )
    return pd.DataFrame(rows)


def _reached(comparison, told, aim_sets):
    wins = told["wins"] / told["n_sets"]
    goal = told["mean"] <= comparison.mean and wins >= comparison.wins
    goal &= not (comparison.none_worse and told["worse"])
    if comparison.aim_share:
        return bool(goal), bool(aim_sets >= comparison.aim_share)
    return bool(goal), bool(told["mean"] <= comparison.aim and wins >= comparison.aim_wins)


def against_rivals(scores, method=DEFAULT, rivals=RIVALS):
    """Hold one method against several rivals on the real sets, in the primary metric of each.

    Returns
    -------
    table : DataFrame
        One row a rival that was run: baseline, what `over_sets` says, better (share of sets won),
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
        told = over_sets(table)
        better = told["wins"] / told["n_sets"]
        ratio = cpu["difference"].mean()
        rows.append({"baseline": rival, **told, "better": better, "fit_cpu_ratio": ratio})
    each = pd.DataFrame(tables)
    behind = pd.DataFrame({"rival": each.idxmax(axis=1), "difference": each.max(axis=1)})
    return pd.DataFrame(rows), behind.rename_axis("dataset").reset_index()


def rival_goals(table, behind):
    """Hold what `against_rivals` says against what was to be reached.

    Returns
    -------
    goals : DataFrame
        asked, measured, reached (None where the rival was not run).
    """
    by_rival = table.set_index("baseline").reindex(RIVALS)
    rows = [("mean against stacking <= -8 %", by_rival.loc["stacking", "mean"], -8.0)]
    rows += [
        (f"share of sets not won from {r} <= .2", 1 - by_rival.loc[r, "better"], 0.2)
        for r in RIVALS
    ]
    rows += [("farthest behind the best rival <= 3 %", behind["difference"].max(), 3.0)]
    rows += [("CPU seconds <= 1 x AutoGluon's", by_rival.loc["AutoGluon", "fit_cpu_ratio"], 1.0)]
    told = [
        (asked, value, None if np.isnan(value) else bool(value <= most))
        for asked, value, most in rows
    ]
    return pd.DataFrame(told, columns=["asked", "measured", "reached"])
