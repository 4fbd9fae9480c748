"""What a comparison says: paired differences, their standard errors, wins, ties and losses."""

import numpy as np
import pandas as pd

from moe_lab.bench.metrics import get_metric, primary_metric
from moe_lab.registry.spelling import unknown_name

__all__ = ["TIE", "leaderboard", "losses", "paired", "pick_metric", "sum_up", "summary"]

TIE = 0.5  # differences up to this many percent (or hundredths of a nat) are a tie
WORSE = 1.0  # beyond it by two standard errors a data set is worse
_FIT = ["n_folds", "seed", "fold"]


def paired(
    scores: pd.DataFrame, baseline: str = "stacking", metric: str | None = None
) -> pd.DataFrame:
    """Compare every method with a baseline, fold by fold.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`.
    baseline : str, default="stacking"
        Label of the method to compare with.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    differences : DataFrame
        One row for each data set and other method: dataset, metric, method, baseline,
        difference (mean over folds and seeds: in % of the baseline's score, for `nll` in nats),
        se (its standard error), wins, ties, losses (over folds and seeds; a tie is within .5 %,
        for `nll` within .005 nats), n (folds and seeds that both have), unit. A negative
        difference is better where lower scores are (log_loss, rmse, mae, nll), worse elsewhere.

    Raises
    ------
    ValueError
        If a data set has no scores of the baseline.

    Notes
    -----
    The training rows of folds overlap, so that their differences are not independent and the
    plain standard error is too small. `se` is the corrected one of Nadeau & Bengio,
    sqrt((1 / n + n_test / n_train) * variance), with the mean of n_test / n_train over folds: a
    heuristic derived for random splits. It ignores that all folds come from one sample: `se` says
    how sure the difference is on this data set, not on the next. That is what `summary` is for.

    With one split a seed (``compare(..., n_train=...)``, n_folds = 1) `se` is the plain standard
    error over seeds. The factor takes n_train + n_test to be the whole set: with 2,000 training
    rows of 50,000, which hardly overlap, it would be 2 for 4,000 test rows. The plain one is too
    small where the splits use up a small set, and in time order it holds the models' chance alone.

    References
    ----------
    Nadeau & Bengio (2003), Inference for the Generalization Error, Machine Learning 52.

    Examples
    --------
    >>> scores = pd.DataFrame({"dataset": "d", "task": "regression", "metric": "rmse",
    ...     "method": ["stacking"] * 2 + ["moe"] * 2, "n_folds": 2, "seed": 0, "fold": [0, 1] * 2,
    ...     "n_train": 50, "n_test": 50, "score": [10.0, 10.0, 9.0, 9.5]})
    >>> paired(scores)[["method", "difference", "se", "wins", "losses"]].round(2)
      method  difference    se  wins  losses
    0    moe        -7.5  4.33     2       0
    """
    rows = []
    for name, one in scores.groupby("dataset", sort=False):
        measure = pick_metric(one, metric)
        one = one[one["metric"] == measure]
        methods = list(dict.fromkeys(one["method"]))
        if baseline not in methods:
            unknown = unknown_name("baseline", baseline, methods, listed="Methods compared")
            raise ValueError(f"{unknown} Data set {name!r}, metric {measure!r}.")
        base = one[one["method"] == baseline]
        others = (one[one["method"] == method] for method in methods if method != baseline)
        rows += [{"dataset": name, **_pair(other, base, measure)} for other in others]
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = ["dataset", "metric", "method", "baseline", "difference", "se"]
_COLUMNS += ["wins", "ties", "losses", "n", "unit"]


def leaderboard(
    scores: pd.DataFrame, baseline: str | None = "stacking", metric: str | None = None
) -> pd.DataFrame:
    """Rank the methods on each data set.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`.
    baseline : str or None, default="stacking"
        What to compare with; a data set without it gets NaN differences.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    board : DataFrame
        Best score first: dataset, metric, method, score (mean over folds and seeds), score_se
        (its standard error, as in `paired`), difference, se, wins, ties, losses (those of
        `paired`), n, fit_seconds, fit_cpu_seconds and predict_seconds (means a fold). A method that
        failed in a fold has a NaN score and comes last.
    """
    boards = [_board(one, baseline, metric) for _, one in scores.groupby("dataset", sort=False)]
    return pd.concat(boards, ignore_index=True)


def summary(
    scores: pd.DataFrame, baseline: str = "stacking", metric: str | None = None
) -> pd.DataFrame:
    """Sum up over data sets: how often, and by how much, a method beats the baseline.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`.
    baseline : str, default="stacking"
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    table : DataFrame
        One row for each method and unit, best first where lower is better: method, unit,
        n_datasets, difference (mean over data sets), se (over data sets; NaN for one), wins,
        ties, losses: data sets whose mean difference is better, within .5 % or .005 nats, worse.
    """
    differences = paired(scores, baseline, metric)
    columns = ["n_datasets", "difference", "se", "wins", "ties", "losses"]
    rows = [
        {"method": method, "unit": unit} | {name: row[name] for name in columns}
        for (method, unit), one in differences.groupby(["method", "unit"], sort=False)
        for row in [sum_up(one)]
    ]
    table = pd.DataFrame(rows, columns=["method", "unit", *columns])
    return table.sort_values("difference", ignore_index=True)


def sum_up(differences: pd.DataFrame) -> dict:
    """Sum the differences between two methods up over data sets.

    Parameters
    ----------
    differences : DataFrame
        One row a data set, of one unit: dataset, metric, difference, se, unit, as in `paired`; of
        unit "ratio" where a column of seconds is compared.

    Returns
    -------
    sums : dict
        n_datasets, difference (mean), se (over data sets), median, wins, ties, losses (ties within
        .5 % or .005 nats, for ratios .5 % of 1), worse (names of the sets that lose more than 1 %
        or .01 nats by two standard errors), p_value of Wilcoxon's signed-rank test (NaN for fewer
        than two sets that differ).

    Examples
    --------
    >>> table = pd.DataFrame({"dataset": ["a", "b"], "metric": "rmse", "difference": [-3.0, 0.2],
    ...     "se": [0.5, 0.1], "unit": "%"})
    >>> sums = sum_up(table)
    >>> sums["n_datasets"], float(sums["difference"]), sums["wins"], sums["ties"], sums["worse"]
    (2, -1.4, 1, 1, [])
    """
    differences = differences.dropna(subset="difference")  # a fold failed
    difference = differences["difference"].to_numpy(dtype=float)
    loss, scale = _losses(differences)
    se = scale * differences["se"].fillna(np.inf).to_numpy(dtype=float)
    return {
        "n_datasets": len(differences),
        "difference": difference.mean() if len(difference) else np.nan,
        "se": np.std(difference, ddof=1) / np.sqrt(len(loss)) if len(loss) > 1 else np.nan,
        "median": np.median(difference) if len(difference) else np.nan,
        **_count(loss),
        "worse": list(differences.loc[loss - WORSE > 2 * se, "dataset"]),
        "p_value": _wilcoxon(loss),
    }


def losses(differences: pd.DataFrame) -> np.ndarray:
    """Return what is lost against the baseline, in % or hundredths of a nat; of one unit."""
    return _losses(differences)[0]


def _losses(differences):
    """Return what is lost in % or hundredths of a nat, and the factor that brings it there."""
    unit = next(iter(differences["unit"]), "%")
    scale = 1 if unit == "%" else 100
    difference = differences["difference"].to_numpy(dtype=float)
    if unit == "ratio":  # of seconds
        return scale * (difference - 1), scale
    lower = [get_metric(metric).lower_is_better for metric in differences["metric"]]
    return scale * np.where(lower, difference, -difference), scale


def _wilcoxon(loss):
    from scipy.stats import wilcoxon

    if np.count_nonzero(loss) < 2:
        return np.nan
    return float(wilcoxon(loss).pvalue)


def pick_metric(scores: pd.DataFrame, metric: str | None = None) -> str:
    """Return the metric to judge one data set by, after a check that it was measured."""
    metric = metric or primary_metric(scores["task"].iloc[0])
    get_metric(metric)
    measured = list(dict.fromkeys(scores["metric"]))
    if metric not in measured:
        raise ValueError(unknown_name("metric", metric, measured, listed="Measured"))
    return metric


def _pair(other, base, measure):
    """Compare the scores of two methods on one data set."""
    both = other.set_index(_FIT).join(base.set_index(_FIT)["score"].rename("base"), how="inner")
    metric = get_metric(measure)
    difference = _difference(both["score"].to_numpy(), both["base"].to_numpy(), metric)
    return {
        "metric": measure,
        "method": other["method"].iloc[0],
        "baseline": base["method"].iloc[0],
        "difference": difference.mean() if len(difference) else np.nan,
        "se": _corrected_se(difference, both),
        **_count(_loss(difference, metric)),
        "n": len(difference),
        "unit": metric.difference_unit,
    }


def _difference(score, base, metric):
    if not metric.is_relative:
        return score - base
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = 100 * (score - base) / np.abs(base)
    return np.where(score == base, 0.0, relative)  # two perfect scores differ by nothing


def _corrected_se(values, rows):
    """Standard error of a mean over folds whose training rows overlap (Nadeau-Bengio), or over
    seeds with one split each (plain)."""
    if len(values) < 2:
        return np.nan
    folds = rows.reset_index()["n_folds"]  # a column, or one level of the index
    overlap = 0.0 if (folds == 1).all() else (rows["n_test"] / rows["n_train"]).mean()
    return float(np.sqrt((1 / len(values) + overlap) * np.var(values, ddof=1)))


def _loss(difference, metric):
    """Return what is lost in % or hundredths of a nat."""
    loss = difference if metric.lower_is_better else -difference
    return loss if metric.is_relative else 100 * loss


def _count(loss):
    return {
        "wins": int((loss < -TIE).sum()),
        "ties": int((np.abs(loss) <= TIE).sum()),
        "losses": int((loss > TIE).sum()),
    }


def _board(one, baseline, metric):
    measure = pick_metric(one, metric)
    one = one[one["metric"] == measure]
    board = pd.DataFrame([_standing(rows) for _, rows in one.groupby("method", sort=False)])
    columns = ["method", "difference", "se", "wins", "ties", "losses"]
    if baseline in set(one["method"]):
        board = board.merge(paired(one, baseline, measure)[columns], how="left", on="method")
    board = board.reindex(columns=["method", "score", "score_se", *columns[1:], "n", *_SECONDS])
    counts = ["wins", "ties", "losses"]
    board[counts] = board[counts].astype("Int64")  # the baseline has none
    board.insert(0, "metric", measure)
    board.insert(0, "dataset", one["dataset"].iloc[0])
    lower = get_metric(measure).lower_is_better
    return board.sort_values("score", ascending=lower, kind="stable", ignore_index=True)


_SECONDS = ["fit_seconds", "fit_cpu_seconds", "predict_seconds"]


def _standing(rows):
    return {
        "method": rows["method"].iloc[0],
        "score": rows["score"].mean(skipna=False),
        "score_se": _corrected_se(rows["score"].to_numpy(), rows),
        "n": len(rows),
        **rows[_SECONDS].mean().to_dict(),
    }
