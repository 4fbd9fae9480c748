"""What the study shows, in sentences made of its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from moe_lab.bench.words import calibration_in_words, ranked
from moe_lab.inspection.selection import CRITERIA

if TYPE_CHECKING:
    import pandas as pd

    from moe_lab.inspection import Retelling
    from moe_lab.inspection.selection import Selection

__all__ = ["in_words"]

STUCK = 5.0  # nats below the best start: another hill


def in_words(
    selection: Selection,
    *,
    trees: pd.DataFrame,
    arm: pd.DataFrame,
    spirals: pd.DataFrame,
    crash: pd.DataFrame,
    importance: pd.DataFrame,
    retold: Retelling,
) -> list[str]:
    """Say what each study shows.

    Parameters
    ----------
    selection : Selection
        From `select_n_experts`.
    trees, arm, spirals, crash : DataFrame
        Scores from `lightgbm_moe`, `robot_arm`, `two_spirals` and `mcycle`.
    importance : DataFrame
        From `routing_importance`, of the mixture of boosted trees.
    retold : Retelling
        The same gate in rules.

    Returns
    -------
    sentences : list of str
    """
    return [
        _of_sizes(selection),
        f"Boosted trees, RMSE: {ranked(_means(trees, 'rmse'))}.",
        f"Robot arm, relative error: {ranked(_means(arm, 'relative_error'))}.",
        f"Two spirals, accuracy: {ranked(_means(spirals, 'accuracy'), lower_is_better=False)}.",
        *[f"Crash data: {sentence}" for sentence in calibration_in_words(crash)],
        f"The gate of the boosted trees listens to {', '.join(importance.index[:3])} most; retold "
        f"in {len(retold.rules)} rules, {retold.fidelity:.0%} of the rows go to the same expert.",
    ]


def _means(scores, value):
    return scores.groupby("method", sort=False)[value].mean()


def _of_sizes(selection):
    picked = ", ".join(
        f"{name} picks {replace(selection, criterion=criterion).best}"
        for criterion, name in CRITERIA.items()
    )
    reached = selection.best_mixture.starts_["log_likelihood"]
    stuck = int((reached < reached.max() - STUCK).sum())
    return (
        f"How many experts: {picked}. Of {len(reached)} starts of {selection.best} experts "
        f"{stuck} ended more than {STUCK:g} nats below the best."
    )
