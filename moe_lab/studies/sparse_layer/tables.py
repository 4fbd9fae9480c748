"""The study in tables: what was recalled at which cost, differences, loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.studies.sparse_layer.nets import DENSE

if TYPE_CHECKING:
    from moe_lab.studies.sparse_layer.study import Setting
    from moe_lab.studies.sparse_layer.training import Trained

__all__ = ["as_scores", "balance", "differences", "summary"]

LAST = 10  # stages at the end whose load counts
DEAD = 0.05  # even shares below which an expert counts as dead


def summary(scores: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Sum up over seeds: a line for each method.

    Parameters
    ----------
    scores : DataFrame
        From `compare`.
    costs : DataFrame
        From `costs`.

    Returns
    -------
    table : DataFrame
        active_flops, parameters, bits (recalled of a fact) and se (its standard error over seeds),
        recalled (share of the facts), bits_per_parameter, seconds (of training), learning_rate.
    """
    by_method = scores.groupby("method", sort=False)
    table = costs.join(by_method[["bits", "recalled", "seconds", "learning_rate"]].mean())
    table.insert(3, "se", by_method["bits"].sem())
    per_parameter = table["bits"] * scores["n_facts"].iloc[0] / table["parameters"]
    table.insert(5, "bits_per_parameter", per_parameter)
    return table.loc[list(by_method.groups)]


def differences(scores: pd.DataFrame, baseline: str = DENSE, value: str = "bits") -> pd.DataFrame:
    """Hold every method against another on the same facts, seed by seed.

    Parameters
    ----------
    scores : DataFrame
        From `compare`.
    baseline : str
    value : {"bits", "recalled"}

    Returns
    -------
    table : DataFrame
        For each other method: difference (mean over seeds), se (its standard error), n (seeds),
        better (seeds in which it recalled more than the baseline).

    Examples
    --------
    >>> scores = pd.DataFrame({"method": ["a", "b"] * 2, "seed": [0, 0, 1, 1]})
    >>> differences(scores.assign(bits=[1.0, 3.0, 2.0, 3.0]), "a")
            difference   se  n  better
    method
    b              1.5  0.5  2       2
    """
    table = scores.pivot(index="seed", columns="method", values=value)
    others = [method for method in scores["method"].unique() if method != baseline]
    paired = table[others].sub(table[baseline], axis=0)
    return pd.DataFrame(
        {
            "difference": paired.mean(),
            "se": paired.sem(),
            "n": paired.count(),
            "better": (paired > 0).sum(),
        }
    ).rename_axis("method")


def balance(trained: dict) -> pd.DataFrame:
    """Sum up how the rows were shared out among experts at the end of training.

    Parameters
    ----------
    trained : dict from (method, seed) to Trained

    Returns
    -------
    table : DataFrame
        For each sparse method, means over seeds: busiest and idlest (load of that expert in the
        last quarter of training, in even shares), dead (experts with less than .05).
    """
    rows = [
        {"method": method, **_extremes(even_shares(one)[-LAST:].mean(0))}
        for (method, _), one in trained.items()
        if one.loads is not None
    ]
    return pd.DataFrame(rows).groupby("method", sort=False).mean()


def even_shares(trained: Trained) -> np.ndarray:
    """Return the loads (n_stages, n_experts) over their mean: 1 is an even share."""
    loads: np.ndarray = trained.loads  # type: ignore[assignment]  # of a sparse method
    return loads / loads.mean(axis=1, keepdims=True)


def _extremes(shares):
    return {"busiest": shares.max(), "idlest": shares.min(), "dead": (shares < DEAD).sum()}


def as_scores(scores: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Return the scores in the columns of `moe_lab.bench.compare`, for the run and its report.

    Parameters
    ----------
    scores : DataFrame
        From `compare`.
    setting : Setting

    Returns
    -------
    scores : DataFrame
        One row for each method, seed and metric (log_loss, accuracy).
    """
    known = {
        "dataset": "facts",
        "task": "classification",
        "method": scores["method"],
        "n_folds": 1,
        "seed": scores["seed"],
        "fold": 0,
        "n_train": setting.n_facts,
        "n_test": setting.n_facts,
        "fit_seconds": scores["seconds"],
        "fit_cpu_seconds": scores["seconds"],
        "predict_seconds": np.nan,
    }
    unknown = (np.log2(setting.n_answers) - scores["bits"]) * np.log(2)
    metrics = {"log_loss": unknown, "accuracy": scores["recalled"]}
    parts = [pd.DataFrame({**known, "metric": name, "score": one}) for name, one in metrics.items()]
    return pd.concat(parts, ignore_index=True)
