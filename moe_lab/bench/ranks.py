"""Many methods on many data sets: ranks, critical difference, Bayesian signed ranks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_lab.bench.metrics import get_metric
from moe_lab.bench.statistics import TIE, leaderboard, losses, paired

__all__ = ["Ranking", "loss_table", "rank_methods", "signed_ranks"]

ALPHA = 0.05
DRAWS = 5000  # of the posterior: a probability is then known to .01


class Ranking(NamedTuple):
    """How methods rank over data sets, and which cannot be told apart.

    Attributes
    ----------
    ranks : Series
        Method -> mean rank over the data sets, best first; equal scores share their ranks.
    p_value : float
        Of Friedman's test that all methods are alike.
    pairwise : DataFrame of shape (n_methods, n_methods)
        p-values of Nemenyi's test.
    critical_difference : float
        Two mean ranks that differ by less cannot be told apart at .05.
    n_datasets : int
    left_out : list of str
        Methods without a score on every data set.
    """

    ranks: pd.Series
    p_value: float
    pairwise: pd.DataFrame
    critical_difference: float
    n_datasets: int
    left_out: list


def loss_table(scores: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return each method's mean score on each data set, so that less is better.

    Returns
    -------
    table : DataFrame of shape (n_datasets, n_methods)
        NaN where a method has no score, or failed in a fold.
    """
    board = leaderboard(scores, None, metric)
    lower = [get_metric(name).lower_is_better for name in board["metric"]]
    board["loss"] = np.where(lower, board["score"], -board["score"])
    return board.pivot(index="dataset", columns="method", values="loss")


def rank_methods(table: pd.DataFrame) -> Ranking | None:
    """Rank methods over data sets.

    Parameters
    ----------
    table : DataFrame of shape (n_datasets, n_methods)
        From `loss_table`: less is better.

    Returns
    -------
    ranking : Ranking or None
        None with fewer than two data sets, or three methods that have a score on all of them.

    References
    ----------
    Demsar (2006), Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7.
    """
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    whole = table.dropna(axis=1)
    n_datasets, n_methods = whole.shape
    if n_datasets < 2 or n_methods < 3:
        return None
    ranks = pd.Series(rankdata(whole, axis=1).mean(axis=0), index=whole.columns).sort_values()
    pairwise = posthoc_nemenyi_friedman(whole.to_numpy())
    pairwise.index = pairwise.columns = whole.columns
    q = studentized_range.ppf(1 - ALPHA, n_methods, np.inf) / np.sqrt(2)
    return Ranking(
        ranks=ranks,
        p_value=float(friedmanchisquare(*whole.to_numpy().T).pvalue),
        pairwise=pairwise.loc[ranks.index, ranks.index],
        critical_difference=float(q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_datasets))),
        n_datasets=n_datasets,
        left_out=[method for method in table if method not in whole],
    )


def signed_ranks(
    scores: pd.DataFrame, baseline: str = "stacking", metric: str | None = None
) -> pd.DataFrame:
    """Say how probable it is that a method is better than the baseline on the next data set.

    Parameters
    ----------
    scores : DataFrame
        Every data set has the baseline.
    baseline : str, default="stacking"
    metric : str, optional

    Returns
    -------
    table : DataFrame
        One row a method: method, n_datasets, better, equivalent, worse. These are probabilities
        and sum to 1; equivalent is a difference within .5 %, or .005 nats.

    References
    ----------
    Benavoli, Corani, Demsar & Zaffalon (2017), Time for a Change, JMLR 18.
    """
    from baycomp import SignedRankTest

    rows = []
    for method, one in paired(scores, baseline, metric).groupby("method", sort=False):
        loss = np.concatenate([losses(part) for _, part in one.groupby("unit", sort=False)])
        loss = loss[np.isfinite(loss)]
        if len(loss):
            settings = {"rope": TIE, "nsamples": DRAWS, "random_state": 0}
            chances = SignedRankTest.probs(np.zeros(len(loss)), loss, **settings)
            rows.append([method, len(loss), *map(float, chances)])
    return pd.DataFrame(rows, columns=["method", "n_datasets", "better", "equivalent", "worse"])
