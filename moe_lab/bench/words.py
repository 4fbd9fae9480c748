"""What a table says, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from moe_lab.bench.calibration import LEVELS, calibration_table
from moe_lab.bench.metrics import get_metric
from moe_lab.bench.statistics import leaderboard, paired, summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CONTROL",
    "ROUTED",
    "amount",
    "calibration_in_words",
    "in_words",
    "number",
    "of_routing",
    "over_all",
    "ranked",
]

SURE = 2.0  # a difference of so many standard errors counts as seen
MOST = 6  # methods that a sentence sums up
ROUTED, CONTROL = "moe", "moe_constant"  # the same experts with and without routing


def in_words(
    scores: pd.DataFrame, baseline: str = "stacking", metric: str | None = None
) -> list[str]:
    """Say what a comparison shows, one sentence for each thing.

    Parameters
    ----------
    scores : DataFrame
        From `compare` or `read_scores`.
    baseline : str, default="stacking"
        The method to hold the others against; without it, only the best is named.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    sentences : list of str
        With several data sets, a summary first. For each data set the best method, who is better
        or worse than the baseline by more than two standard errors, who cannot be told from it, and
        whether routing added anything (`moe` against `moe_constant`, where both are there).

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"dataset": "d", "task": "regression", "metric": "rmse",
    ...     "method": ["stacking"] * 3 + ["moe"] * 3, "n_folds": 3, "seed": 0,
    ...     "fold": [0, 1, 2] * 2, "n_train": 60, "n_test": 30, "fit_seconds": 1.0,
    ...     "fit_cpu_seconds": 1.0, "predict_seconds": 0.1,
    ...     "score": [5.0, 5.1, 4.9, 4.5, 4.6, 4.4]})
    >>> for sentence in in_words(scores):
    ...     print(sentence)
    d: moe has the best rmse (4.5).
    d: better than stacking: moe (-10.0 ± 0.2 %).
    """
    sentences = over_all(scores, baseline, metric)
    for name, one in scores.groupby("dataset", sort=False):
        board = leaderboard(one, None, metric)
        sentences.append(f"{name}: {_best(board)}")
        if baseline in set(board["method"]) and len(board) > 1:
            against = _against(paired(one, baseline, metric))
            sentences += [f"{name}: {sentence}" for sentence in against]
        if {ROUTED, CONTROL} <= set(board["method"]):
            sentences += [f"{name}: {sentence}" for sentence in of_routing(one, metric)]
    return sentences


def over_all(
    scores: pd.DataFrame, baseline: str = "stacking", metric: str | None = None
) -> list[str]:
    """Sum up over the data sets that have the baseline: one sentence, none for a single one."""
    held = scores[scores["method"] == baseline]["dataset"].unique()
    if len(held) < 2:
        return []
    rows = summary(scores[scores["dataset"].isin(held)], baseline, metric)
    sums = [
        f"{_amount(row)}, {row.wins} won, {row.ties} tied, {row.losses} lost"
        for row in rows.head(MOST).itertuples()
    ]
    sums += [f"{len(rows) - MOST} more behind these"] if len(rows) > MOST else []
    count = rows["n_datasets"].max()
    return [f"Over {count} data sets, against {baseline}: {'; '.join(sums)}."]


def number(value: float | None, digits: int = 4) -> str:
    """Write a number for people; a missing one is empty.

    Examples
    --------
    >>> number(0.123456), number(31415.9), number(float("nan"))
    ('0.1235', '31416', '')
    """
    if value is None or value != value:
        return ""
    value = value or 0.0  # no minus zero
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def amount(difference: float, se: float = np.nan, digits: int = 2) -> str:
    """Write a difference and its standard error for people; a missing one is empty.

    Examples
    --------
    >>> amount(-3.14159, 0.5), amount(-0.001, 0.2, 1), amount(2.0), amount(float("nan"))
    ('-3.14 ± 0.50', '0.0 ± 0.2', '+2.00', '')
    """
    if np.isnan(difference):
        return ""
    text = f"{difference:+.{digits}f}"
    text = text if float(text) else text[1:]  # no sign before a zero
    return text if np.isnan(se) else f"{text} ± {se:.{digits}f}"


def ranked(scores: pd.Series, *, lower_is_better: bool = True) -> str:
    """Name all in their order, the best first, with their scores.

    Examples
    --------
    >>> import pandas as pd
    >>> ranked(pd.Series({"line": 0.4, "mixture": 0.025}))
    'mixture 0.025, line 0.4'
    """
    ordered = scores.sort_values(ascending=lower_is_better, kind="stable")
    return ", ".join(f"{name} {number(score, 3)}" for name, score in ordered.items())


def calibration_in_words(scores: pd.DataFrame) -> list[str]:
    """Say how often intervals hold what they say, and who is the sharpest.

    Parameters
    ----------
    scores : DataFrame
        From `calibration`, of one data set, with its three levels.

    Returns
    -------
    sentences : list of str
        For each method the share of unseen rows inside its intervals; then CRPS, RMSE and the
        negative log-likelihood, the best first.
    """
    table = calibration_table(scores)
    levels = ", ".join(f"{level:.0%}" for level in LEVELS)
    held = table[[f"coverage_{100 * level:g}" for level in LEVELS]]
    sentences = [
        f"{name}: the {levels} intervals hold {', '.join(f'{share:.1%}' for share in shares)}."
        for name, shares in zip(held.index, held.to_numpy(), strict=True)
    ]
    names = {"crps": "CRPS", "rmse": "RMSE", "nll": "Negative log-likelihood"}
    return sentences + [f"{name}: {ranked(table[metric])}." for metric, name in names.items()]


def _best(board):
    first = board.iloc[0]
    failed = list(board.loc[board["score"].isna(), "method"])
    also = f" No score, since a fold failed: {', '.join(failed)}." if failed else ""
    return f"{first['method']} has the best {first['metric']} ({number(first['score'])}).{also}"


def _against(differences):
    """Sort the methods into better, worse, and not to be told apart from the baseline."""
    baseline = differences["baseline"].iloc[0]
    lower = get_metric(differences["metric"].iloc[0]).lower_is_better
    gain = differences["difference"] * (-1 if lower else 1)
    seen = np.abs(gain) > SURE * differences["se"]
    groups = {
        f"better than {baseline}": differences[seen & (gain > 0)],
        f"worse than {baseline}": differences[seen & (gain < 0)],
        f"not to be told apart from {baseline} (within {SURE:g} standard errors)": differences[
            ~seen & gain.notna()
        ],
    }
    for title, rows in groups.items():
        if len(rows):
            yield f"{title}: {', '.join(_amount(row) for row in rows.itertuples())}."


def of_routing(scores: pd.DataFrame, metric: str | None) -> Iterator[str]:
    """Say of one data set whether what varies with the input made the mixture better."""
    both = scores[scores["method"].isin([ROUTED, CONTROL])]
    row = next(paired(both, CONTROL, metric).itertuples())
    if np.isnan(row.difference):  # a fold failed
        return
    gain = -row.difference if get_metric(row.metric).lower_is_better else row.difference
    size = f"{row.metric} {_size(row)} ({ROUTED} against {CONTROL})"
    if not abs(gain) > SURE * row.se:
        yield f"routing added nothing that can be told: {size}."
    else:
        yield f"routing {'pays' if gain > 0 else 'does harm'}: {size}."


def _amount(row):
    return f"{row.method} ({_size(row)})"


def _size(row):
    return f"{amount(row.difference, row.se, 1 if row.unit == '%' else 3)} {row.unit}"
