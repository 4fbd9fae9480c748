"""Who takes part: one base list, handed to both sides with the same parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from moe_lab.bench.comparison import as_dataset, fit_on_split
from moe_lab.bench.lineup import split_names
from moe_lab.registry.spelling import unknown_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from moe_lab.datasets.base import Dataset

__all__ = ["FOUR", "fit_unseen", "lineup"]

FOUR = ("lightgbm", "xgboost", "extra_trees", "linear")  # with their registered defaults
# About what the boosted residual and the gate cost: a slower, smaller booster.
ONE_MORE = ("lightgbm", {"learning_rate": 0.03, "num_leaves": 15, "n_estimators": 150})


def lineup(task: str, labels: str = "") -> dict:
    """Return the methods of the study by their labels.

    A name that is not registered raises where the method is first built: nothing is left out
    silently.

    Parameters
    ----------
    task : {"regression", "classification"}
    labels : str, default=""
        Which of them, with commas between; empty for all that serve the task.

    Returns
    -------
    methods : dict of label -> name or (name, params) pair
        For `compare`. What ends in "(auto)" and "default" have the pool ``experts="auto"``.

    Raises
    ------
    ValueError
        For an unknown label.

    Examples
    --------
    >>> lineup("regression", "default, one lightgbm")
    {'default': ('moe', {}), 'one lightgbm': ('lightgbm', {})}
    """
    everybody = _of_four(task) | _others()
    chosen = split_names(labels) or list(everybody)
    for label in chosen:
        if label not in everybody:
            raise ValueError(unknown_name("label", label, everybody, listed=f"For {task}"))
    return {label: everybody[label] for label in chosen}


def _of_four(task):
    """Return the methods whose plain experts are the four."""
    with_one_more = [*FOUR, ONE_MORE]
    methods = {
        "stacking": ("stacking", {"experts": list(FOUR), "cv": 5}),
        "log-odds stacking": ("log_odds_stacking", {"experts": list(FOUR)}),
        "one more expert": ("log_odds_stacking", {"experts": with_one_more}),
        "mixture": ("moe", {"experts": [*FOUR, "linear_mixture"]}),
        "constant": ("moe_constant", {"experts": list(FOUR)}),
    }
    if task == "regression":
        methods["stack + variance"] = ("stacking_variance", {"experts": list(FOUR)})
    return methods


def _others():
    return {
        "boosting": ("moe_boosting", {}),
        "stacking (auto)": ("stacking", {}),
        "log-odds stacking (auto)": ("log_odds_stacking", {}),
        "greedy selection (auto)": ("greedy_selection", {}),
        "default": ("moe", {}),
        "one lightgbm": ("lightgbm", {}),
        "catboost": ("catboost", {}),
    }


def fit_unseen(
    label: str, dataset: Dataset | str | Path, n_train: int, n_test: int = 4000, seed: int = 0
) -> tuple[Any, pd.DataFrame, np.ndarray]:
    """Fit one method of the study on the split of a seed.

    Parameters
    ----------
    label : str
        One of `lineup`.
    dataset : Dataset, str or Path
    n_train, n_test, seed : int
        As for `compare`.

    Returns
    -------
    estimator, X_test, y_test
        As from `fit_on_split`.
    """
    dataset = as_dataset(dataset)
    (method,) = lineup(dataset.task, label).values()
    return fit_on_split(method, dataset, n_train, n_test, seed)
