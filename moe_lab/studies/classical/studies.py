"""The studies: which methods, on which rows, scored how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.bench.calibration import Homoscedastic, calibration
from moe_lab.bench.comparison import compare
from moe_lab.registry import datasets
from moe_lab.studies.classical.jobs import held_out, in_parallel

if TYPE_CHECKING:
    from moe_lab.mixture import MoERegressor

__all__ = ["lightgbm_moe", "mcycle", "robot_arm", "two_spirals"]

SHARP = ("softmax", {"C": 100.0})
TRUE_RULE = {"rules": ["0.5 * x1 + 0.3 * x2 - 0.2 * x3 <= 0"]}
ARM_TRAIN = 0.75  # share of the rows: 15,000 of 20,000
FRESH = 10_000  # added to a seed, it draws other rows


def lightgbm_moe(
    n_seeds: int = 3,
    n_samples: int = 2000,
    folds: int = 5,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Mixtures of boosted trees on the synthetic set of LightGBM-MoE, which has two regimes.

    The oracles are told the rule that separates the regimes: the experts start with the true parts
    (and EM goes on from there), or the gate is told as well.

    Parameters
    ----------
    n_seeds : int, default=3
        Data sets, drawn with seeds 0, 1, ...
    n_samples : int, default=2000
    folds : int, default=5
        In time order: each is predicted from the rows before it.
    n_jobs : int, optional
        Fits at a time.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    scores : DataFrame
        One row for each method, seed and fold: method, seed, fold, rmse, fit_seconds.
    """
    methods = _lightgbm_moe_methods()
    jobs = [(method, seed) for seed in range(n_seeds) for method in methods.items()]

    def score(method, seed):
        data = datasets.create("lightgbm_moe", n_samples=n_samples, random_state=seed)
        return compare(dict([method]), data, folds=folds, seeds=[seed], progress=False)

    scores = pd.concat(in_parallel(score, jobs, n_jobs, verbose), ignore_index=True)
    scores = scores[scores["metric"] == "rmse"].rename(columns={"score": "rmse"})
    return scores[["method", "seed", "fold", "rmse", "fit_seconds"]].reset_index(drop=True)


def _lightgbm_moe_methods():
    free = ("softmax", {"C": np.inf})  # the textbook's gate; the regimes lie far apart
    trees = {"experts": "xgboost", "n_experts": 2, "gate": free, "train": ("em", {"max_iter": 4})}
    told = {**trees, "divide": ("rules", TRUE_RULE)}
    # Each member sees all five columns: without one of them it could not know the rule.
    ensemble = {"expert": "xgboost", "n_members": 2, "column_share": 1.0}
    return {
        "one lightgbm": "lightgbm",
        "one xgboost": "xgboost",
        "matched ensemble": ("matched_ensemble", ensemble),
        "mixture": ("moe", {**trees, "divide": "linear_em"}),
        "true regimes": ("moe", told),
        "true regimes and gate": ("moe", {**told, "gate": ("rules", TRUE_RULE)}),
    }


def robot_arm(
    n_experts: int = 16,
    n_samples: int = 20_000,
    n_init: int = 3,
    max_iter: int = 300,
    seed: int = 0,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> tuple[pd.DataFrame, dict]:
    """Linear experts behind a flat and a hierarchical gate on the forward dynamics of an arm.

    Parameters
    ----------
    n_experts : int, default=16
        A power of two makes the tree a balanced one.
    n_samples : int, default=20,000
        The first three quarters are the training rows.
    n_init, max_iter : int
        Starts and rounds of EM.
    seed : int, default=0
        Draws the rows and starts the models.
    n_jobs : int, optional
        Fits at a time.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    scores : DataFrame
        One row for each method and joint: method, joint (1 or 2), relative_error (mean squared
        error over variance, on the rows held out), n_experts (left after training), fit_seconds,
        warnings (what the fit warned of, in words).
    fitted : dict from (method, joint) to the fitted estimator

    References
    ----------
    Jordan & Jacobs (1994), section 5; their arm is another one.
    """
    em = ("em", {"n_init": n_init, "max_iter": max_iter})
    lines = {"experts": "linear", "n_experts": n_experts, "train": em}
    methods = {
        "one line": "linear",
        "CART": _cart(),
        "mixture, flat gate": ("moe", lines),
        "mixture, tree of gates": ("moe", {**lines, "gate": ("hierarchical", {"branches": 2})}),
        "lightgbm": ("lightgbm", {"n_estimators": 500}),
    }
    jobs = [
        ({"method": name, "joint": joint}, method, _arm_rows(n_samples, seed, joint), seed)
        for joint in (1, 2)
        for name, method in methods.items()
    ]
    return held_out(jobs, "relative_error", n_jobs, verbose)


def _arm_rows(n_samples, seed, joint):
    """Return training and test rows."""
    arm = datasets.create("robot_arm", n_samples=n_samples, random_state=seed, output=joint - 1)
    n_train = round(ARM_TRAIN * n_samples)
    return "regression", (arm.X[:n_train], arm.y[:n_train]), (arm.X[n_train:], arm.y[n_train:])


def _cart():
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(min_samples_leaf=5)


def two_spirals(
    n_seeds: int = 5,
    n_samples: int = 1000,
    n_experts: int = 16,
    n_init: int = 5,
    max_iter: int = 200,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> tuple[pd.DataFrame, dict]:
    """Mixtures of logistic regressions, and of models that need no mixture, on two spirals.

    Parameters
    ----------
    n_seeds : int, default=5
        Draws of the spirals: as many rows to train on, and again as many fresh ones to score.
    n_samples : int, default=1000
    n_experts : int, default=16
        Of the mixtures of logistic regressions; the others have four.
    n_init, max_iter : int
        Starts and rounds of EM, for logistic regressions.
    n_jobs : int, optional
        Fits at a time.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    scores : DataFrame
        One row for each method and seed: method, seed, accuracy (fraction, of the fresh rows),
        n_experts, fit_seconds and warnings as for `robot_arm`.
    fitted : dict from (method, seed) to the fitted estimator
    """
    methods = _spiral_methods(n_experts, ("em", {"n_init": n_init, "max_iter": max_iter}))
    jobs = [
        ({"method": name, "seed": seed}, method, _spiral_rows(n_samples, seed), seed)
        for seed in range(n_seeds)
        for name, method in methods.items()
    ]
    return held_out(jobs, "accuracy", n_jobs, verbose)


def _spiral_methods(n_experts, em):
    from sklearn.neighbors import KNeighborsClassifier

    nearest = KNeighborsClassifier()
    logistic = {"experts": ("linear", {"alpha": 0.01}), "n_experts": n_experts, "train": em}
    tree = ("hierarchical", {"branches": 2, "node": SHARP})
    four = {"n_experts": 4, "gate": SHARP, "train": "em", "divide": "tree"}
    boosted = {**four, "experts": "lightgbm"}
    return {
        "one logistic": "linear",
        "logistic, flat gate": ("moe", {**logistic, "gate": SHARP}),
        "logistic, tree of gates": ("moe", {**logistic, "gate": tree}),
        "one lightgbm": "lightgbm",
        "four lightgbm": ("moe", boosted),
        "four lightgbm, linear start": ("moe", {**boosted, "divide": "linear_em"}),
        "one k-nearest": nearest,
        "four k-nearest": ("moe", {**four, "experts": nearest}),
    }


def _spiral_rows(n_samples, seed):
    """Return training rows and fresh ones."""
    draws = [
        datasets.create("two_spirals", n_samples=n_samples, random_state=state)
        for state in (seed, FRESH + seed)
    ]
    return "classification", *[(draw.X, draw.y) for draw in draws]


def mcycle(
    mixture: MoERegressor,
    n_repeats: int = 10,
    folds: int = 10,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """A mixture's predictive distribution on the crash data, against one noise scale for all rows.

    Parameters
    ----------
    mixture : MoERegressor
    n_repeats : int, default=10
        Repeats of all folds, drawn anew.
    folds : int, default=10
    n_jobs : int, optional
        Repeats at a time.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    scores : DataFrame
        As from `moe_lab.bench.calibration.calibration`, whose `calibration_table` sums it up.
    """
    methods = {
        "mixture": mixture,
        "lightgbm, one scale": Homoscedastic("lightgbm"),
        "spline, one scale": Homoscedastic(_spline()),
    }

    def score(seed):
        return calibration(methods, "mcycle", folds=folds, seeds=[seed], progress=False)

    jobs = [(seed,) for seed in range(n_repeats)]
    return pd.concat(in_parallel(score, jobs, n_jobs, verbose, unit="repeat"), ignore_index=True)


def _spline():
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer

    return make_pipeline(SplineTransformer(n_knots=12), RidgeCV(np.logspace(-3, 2, 11)))
