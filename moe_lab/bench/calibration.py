"""Calibration: do the predictive distributions hold as often as they say, and are they sharp?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from moe_lab.bench.comparison import as_dataset, encode_target, fit_on_fold
from moe_lab.bench.lineup import line_up
from moe_lab.bench.splits import make_splits
from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.experts.powers import PredictsDistribution
from moe_lab.experts.spec import as_expert
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.likelihood.outcome import noise_scales
from moe_lab.methods.base import RegressorEnsemble
from moe_lab.progress import progress_bar
from moe_lab.registry.powers import has_power
from moe_lab.table.data import TrainingData

if TYPE_CHECKING:
    from moe_lab.datasets.base import Dataset
    from moe_lab.table.forms import Table

__all__ = ["Homoscedastic", "calibration", "calibration_table"]

LEVELS = (0.5, 0.8, 0.95)


def calibration(
    methods: str | list | dict,
    dataset: Dataset | str | Path,
    folds: int = 10,
    seeds: Sequence[int] = range(10),
    *,
    levels: Sequence[float] = LEVELS,
    device: str = "cpu",
    progress: bool = True,
) -> pd.DataFrame:
    """Score the predictive distributions of regressors on repeated K-fold.

    Parameters
    ----------
    methods : list or dict
        As for `compare`; every one must have ``predict_distribution``. A plain regressor gets it by
        `Homoscedastic`.
    dataset : Dataset, str or Path
        A regression set, the name of a registered one, or the path of a file.
    folds : int, default=10
    seeds : sequence of int, default=range(10)
        Each repeats all folds, drawn anew, with other random states.
    levels : sequence of float, default=(0.5, 0.8, 0.95)
        Of the central intervals.
    device : str, default="cpu"
    progress : bool, default=True
        Show a progress bar.

    Returns
    -------
    scores : DataFrame
        One row for each method, seed, fold and metric. Columns dataset, method, n_folds, seed,
        fold, n_train, n_test, metric, score. Metrics: coverage_50, ... (fraction of the rows inside
        the interval), crps and rmse (unit of y), nll (nats a row).

    References
    ----------
    Gneiting, Balabdaoui & Raftery (2007), Probabilistic forecasts, calibration and sharpness.

    Examples
    --------
    >>> from moe_lab.datasets.base import Dataset
    >>> x = np.linspace(0, 1, 30)
    >>> line = Dataset("line", pd.DataFrame({"x": x}), pd.Series(x + x % 0.1), "regression")
    >>> methods = {"line": Homoscedastic("linear")}
    >>> scores = calibration(methods, line, folds=2, seeds=[0], progress=False)
    >>> scores[["method", "fold", "metric"]].head(2)
      method  fold       metric
    0   line     0  coverage_50
    1   line     0  coverage_80
    """
    dataset = as_dataset(dataset)
    if dataset.task != "regression":
        raise ValueError(f"dataset must be a regression set, got {dataset!r}.")
    lineup, (y, _) = line_up(methods, dataset.task), encode_target(dataset)
    splits = {seed: make_splits(dataset, y, folds=folds, seed=seed) for seed in seeds}
    tables = []
    with progress_bar(len(splits) * folds * len(lineup), unit="fit", shown=progress) as bar:
        for seed, fold, name in ((s, f, m) for s in splits for f in range(folds) for m in lineup):
            bar.set_description(f"{dataset.name}, {name}, seed {seed}, fold {fold + 1}/{folds}")
            fitted, X = fit_on_fold(lineup[name], dataset, folds, seed, fold=fold, device=device)
            train, test = splits[seed][fold]
            where = {"dataset": dataset.name, "method": name, "n_folds": folds, "seed": seed}
            where |= {"fold": fold, "n_train": len(train), "n_test": len(test)}
            scores = score_distribution(_distribution(fitted, name, X), y[test], levels)
            tables.append(
                pd.DataFrame([{**where, "metric": m, "score": scores[m]} for m in scores])
            )
            bar.update()
    return pd.concat(tables, ignore_index=True)


def calibration_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Average over all rows of all folds and seeds: a line for each method.

    Parameters
    ----------
    scores : DataFrame
        From `calibration`, of one data set.

    Returns
    -------
    table : DataFrame
        A column for each metric; rmse is the root of the mean square.
    """
    square = scores["metric"] == "rmse"
    value = scores["score"].where(~square, scores["score"] ** 2) * scores["n_test"]
    sums = scores.assign(value=value).groupby(["method", "metric"], sort=False)
    sums = sums[["value", "n_test"]].sum()
    table = (sums["value"] / sums["n_test"]).unstack("metric")[scores["metric"].unique()]
    return table.assign(rmse=np.sqrt(table["rmse"])).loc[scores["method"].unique()]


def score_distribution(
    distribution: MixtureDistribution, y: np.ndarray, levels: Sequence[float] = LEVELS
) -> dict:
    """Return the coverage of each central interval, crps, rmse and nll, over rows not seen."""
    scores = {}
    for level in levels:
        low, high = distribution.interval(level).T
        scores[f"coverage_{100 * level:g}"] = float(np.mean((low <= y) & (y <= high)))
    scores["crps"] = float(np.mean(distribution.crps(y)))
    scores["rmse"] = float(np.sqrt(np.mean((distribution.mean - y) ** 2)))
    scores["nll"] = -float(np.mean(distribution.log_pdf(y)))
    return scores


class Homoscedastic(RegressorEnsemble):
    """Any regressor with one noise scale for all rows: a Gaussian around its prediction.

    The scale is the root mean squared error of predictions out of fold, on the training rows alone.

    Parameters
    ----------
    expert : name, (name, params) or estimator, default="lightgbm"
    cv : int, default=3
        Folds.
    device, n_jobs, random_state
        As in `MoERegressor`.

    Attributes
    ----------
    experts_ : list of one fitted expert
    scale_ : float
        In the unit of y.
    """

    def __init__(
        self,
        expert: Any = "lightgbm",
        cv: int = 3,
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | None = None,
    ):
        self.expert = expert
        self.cv = cv
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Table,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Cross-fit for the noise scale, then fit on all rows."""
        data = TrainingData(*self._read(X, y, sample_weight, groups))
        built, seeds = self._build([as_expert(self.expert, "regression")])
        held_out = cross_fit(built, data, data.folds(self.cv), seeds=seeds)
        weights = data.sample_weight[:, None]
        (self.scale_,) = noise_scales(held_out, data.y, weights, np.finfo(float).tiny)
        self.experts_ = self._fit_all(built, seeds, data.X, data.y, data.sample_weight)
        return self

    def predict_distribution(self, X: Table) -> MixtureDistribution:
        """Return the Gaussian around ``predict(X)``, a MixtureDistribution of one component."""
        mean = self.predict(X)[:, None]
        return MixtureDistribution(np.ones(mean.shape), mean, self.scale_)

    def _pool(self, predictions):
        return predictions[:, 0]


def _distribution(fitted, name, X):
    if not has_power(fitted, PredictsDistribution):
        raise TypeError(
            f"Every method must have predict_distribution, got {name!r} ({type(fitted).__name__}). "
            "Wrap it in moe_lab.bench.calibration.Homoscedastic."
        )
    return fitted.predict_distribution(X)
