"""The trunk of a boosted mixture: one ordinary booster that all experts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moe_lab.experts.lightgbm import LightGBMTrees
from moe_lab.likelihood.arrays import log_softmax
from moe_lab.likelihood.outcome import MIN_PROBABILITY

if TYPE_CHECKING:
    import lightgbm

FIXED = {"deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1}
NOT_OURS = ("n_estimators", "n_jobs", "importance_type", "class_weight", "objective", "n_classes")


@dataclass
class Trunk:
    """A fitted trunk.

    Attributes
    ----------
    booster : lightgbm.Booster
        Fitted on all rows.
    n_rounds : int
        Chosen on held-out rows.
    out_of_fold : ndarray of shape (n_samples, n_outputs)
        What boosters that did not see a row say of it: the mean, or the log-probabilities.
    settings : dict
        Of its trees.
    interrupted : bool
        Whether an interrupt ended its growth.
    """

    booster: object
    n_rounds: int
    out_of_fold: np.ndarray
    settings: dict
    interrupted: bool = False


def tree_settings(experts: list) -> tuple[dict, int]:
    """Return the settings of the trees that the built experts ask for, and their number.

    Raises
    ------
    ValueError
        If they are not copies of one ``"lightgbm"``.
    """
    found = []
    for expert in experts:
        trees = getattr(getattr(expert, "model", None), "trees", None)
        if not isinstance(trees, LightGBMTrees):
            raise ValueError(
                "train='boosting' grows its experts itself: experts must be 'lightgbm', or "
                f"('lightgbm', params) to say how its trees grow, got {expert!r}."
            )
        _check_parameters(expert.model, trees)
        found.append(trees.get_params())
    settings = found[0]
    if any(other | {"random_state": 0} != settings | {"random_state": 0} for other in found):
        raise ValueError(
            "train='boosting' grows one trunk for all experts: experts must be copies of one "
            "'lightgbm', got different parameters. Use one of them with n_experts."
        )
    trees = {k: v for k, v in settings.items() if v is not None and k not in NOT_OURS}
    return trees | FIXED, settings["n_estimators"]


def _check_parameters(booster, trees):
    """Refuse what the trunk would pass over in silence: it sets these itself."""
    from lightgbm.basic import _ConfigAliases

    own = _ConfigAliases.get("objective", "metric", "num_iterations") - {"n_estimators"}
    taken = sorted(own & {k for k, v in trees.get_params().items() if v is not None})
    if booster.early_stopping_rounds is not None:
        taken.append("early_stopping_rounds")
    if taken:
        raise ValueError(
            "train='boosting' sets objective, metric and stopping itself: 'lightgbm' must leave "
            f"out {', '.join(taken)}. n_estimators is the most rounds; patience is the trainer's."
        )


def plain_loss(n_classes: int | None) -> dict:
    """Return LightGBM's own objective for the trunk."""
    if n_classes is None:
        return {"objective": "regression"}
    if n_classes == 2:
        return {"objective": "binary"}
    return {"objective": "multiclass", "num_class": n_classes}


def grow_trunk(
    rows: lightgbm.Dataset,
    features: np.ndarray,
    folds: list[tuple],
    shapes: list[dict],
    *,
    n_classes: int | None,
    patience: int,
    steps: Callable,
) -> Trunk:
    """Grow a booster on each fold together, stop all when held-out rows gain no more, then grow
    one of that size on all rows.

    Parameters
    ----------
    rows : lightgbm.Dataset
        With the target and the weights; its bins are shared.
    features : ndarray of shape (n_samples, n_features)
    folds : list of (train, test) pairs of index arrays
    shapes : list of dict
        Settings of the trees; the best on held-out rows are kept.
    patience : int
    steps : callable
        Returns the numbers of the rounds, perhaps in a progress bar.

    Returns
    -------
    trunk : Trunk
    """
    import lightgbm

    folds = [(np.sort(train), np.sort(test)) for train, test in folds]
    tried: list[tuple] = []
    interrupted = False
    try:
        for shape in shapes:
            losses: list[float] = []
            settings = shape | plain_loss(n_classes)
            tried.append((losses, settings, _boosters(rows, folds, settings)))
            _cross_fit(losses, tried[-1][2], _shares(rows, folds), patience, steps())
    except KeyboardInterrupt:
        tried = [one for one in tried if one[0]]
        if not tried:
            raise
        interrupted = True
    losses, settings, boosters = min(tried, key=lambda one: min(one[0]))
    n_rounds = int(np.argmin(losses)) + 1
    out_of_fold = np.empty((len(features), n_classes or 1))
    for booster, (_, test) in zip(boosters, folds, strict=True):
        held_out = features[test]
        out_of_fold[test] = trunk_answer(booster, held_out, n_classes, n_rounds)
    booster = lightgbm.Booster(settings, rows)
    for _ in range(n_rounds):
        booster.update()
    return Trunk(booster, n_rounds, out_of_fold, settings, interrupted)


def _boosters(rows, folds, settings):
    import lightgbm

    boosters = []
    for train, test in folds:
        booster = lightgbm.Booster(settings, rows.subset(train).construct())
        boosters.append(booster.add_valid(rows.subset(test), "held out"))
    return boosters


def _shares(rows, folds):
    weight = rows.get_weight()
    return [len(test) if weight is None else weight[test].sum() for _, test in folds]


def _cross_fit(losses, boosters, shares, patience, steps):
    """Grow the boosters together; append the held-out loss of every round."""
    for _ in steps:
        for booster in boosters:
            booster.update()
        held_out = [booster.eval_valid()[0][2] for booster in boosters]
        losses.append(np.average(held_out, weights=shares))
        if len(losses) - 1 - np.argmin(losses) >= patience:
            break


def trunk_answer(
    booster: lightgbm.Booster,
    features: np.ndarray,
    n_classes: int | None,
    n_rounds: int | None = None,
) -> np.ndarray:
    """Return the mean, or the log-probabilities (none below 1e-5), shape (n_samples, n_outputs)."""
    raw = booster.predict(features, raw_score=True, num_iteration=n_rounds, num_threads=1)
    if n_classes is None:
        return raw.reshape(-1, 1)
    if n_classes == 2:
        raw = np.column_stack([np.zeros(len(raw)), raw])
    return np.maximum(log_softmax(raw), np.log(MIN_PROBABILITY))
