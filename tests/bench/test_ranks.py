"""Ranks over data sets: the published figures, and those of the package."""

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from scikit_posthocs import critical_difference_diagram, posthoc_nemenyi_friedman

from moe_lab.bench.ranks import loss_table, rank_methods, signed_ranks
from moe_lab.plots.ranks import draw_ranks

# Demsar (2006), Table 6: AUC of C4.5 with and without two parameters tuned, on 14 data sets. Of the
# two that are printed as .975 the paper ranks the first before the second.
AUC = pd.DataFrame(
    [
        *([0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569]),
        *([0.954, 0.971, 0.968, 0.967], [0.628, 0.661, 0.654, 0.657]),
        *([0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931]),
        *([0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625]),
        *([0.775, 0.838, 0.866, 0.875], [1.000, 1.000, 1.000, 1.000]),
        *([0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669]),
        *([0.972, 0.981, 0.975, 0.9749], [0.957, 0.978, 0.946, 0.970]),
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)


def test_the_published_ranks_and_critical_difference():
    ranking = rank_methods(-AUC)

    assert ranking.ranks.round(3).to_dict() == pytest.approx(
        {"C4.5+m+cf": 1.964, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5": 3.143}
    )
    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranking.n_datasets == 14


def test_the_diagram_is_that_of_the_package_on_the_published_table():
    ranking = rank_methods(-AUC)
    theirs = posthoc_nemenyi_friedman(AUC.to_numpy())
    theirs.index = theirs.columns = AUC.columns
    axis = matplotlib.figure.Figure().subplots()
    drawn = critical_difference_diagram(AUC.rank(axis=1, ascending=False).mean(), theirs, ax=axis)
    ours = draw_ranks(ranking.ranks, ranking.pairwise, ranking.critical_difference)

    pd.testing.assert_frame_equal(
        ranking.pairwise.loc[AUC.columns, AUC.columns], theirs, check_names=False
    )
    bars = [sorted(line.get_xdata()) for (line,) in drawn["crossbars"]]
    mine = [sorted(line.get_xdata()) for line in ours.axes[0].lines]
    assert bars
    assert all(any(np.allclose(bar, one) for one in mine if len(one) == len(bar)) for bar in bars)


def test_methods_without_a_score_everywhere_are_left_out_and_named():
    table = -AUC
    table.loc[3, "C4.5"] = np.nan
    ranking = rank_methods(table)
    assert ranking.left_out == ["C4.5"]
    assert len(ranking.ranks) == 3


@pytest.mark.parametrize("table", [AUC.iloc[:1], AUC.iloc[:, :2]], ids=["one set", "two methods"])
def test_too_little_to_rank_is_none(table):
    assert rank_methods(table) is None


def scores(gains, metric="rmse", task="regression"):
    rows = [
        {"dataset": f"d{k}", "method": method, "fold": fold, "score": score}
        for k, gain in enumerate(gains)
        for fold in range(2)
        for method, score in {"stacking": 10.0, "moe": 10.0 * (1 + gain / 100)}.items()
    ]
    fixed = {"task": task, "metric": metric, "n_folds": 2, "seed": 0, "n_train": 50, "n_test": 50}
    seconds = {"fit_seconds": 1.0, "fit_cpu_seconds": 1.0, "predict_seconds": 1.0}
    return pd.DataFrame(rows).assign(**fixed, **seconds)


@pytest.mark.parametrize(
    ("gains", "winner"),
    [([-5.0] * 10, "better"), ([0.1, -0.1] * 5, "equivalent"), ([5.0] * 10, "worse")],
)
@pytest.mark.parametrize("metric", ["rmse", "accuracy"])
def test_signed_ranks_know_which_way_is_better(gains, winner, metric):
    turn = {"better": "worse", "worse": "better"}
    task = "regression" if metric == "rmse" else "classification"
    expected = winner if metric == "rmse" else turn.get(winner, winner)
    row = signed_ranks(scores(gains, metric, task), metric=metric).iloc[0]
    assert row[["better", "equivalent", "worse"]].sum() == pytest.approx(1.0)
    assert row[expected] > 0.95


def test_a_table_of_losses_turns_scores_that_should_be_high():
    table = loss_table(scores([1.0], "accuracy", "classification"), "accuracy")
    assert table.loc["d0"].to_dict() == pytest.approx({"moe": -10.1, "stacking": -10.0})
