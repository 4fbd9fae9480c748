"""The comparison: every method on the same folds of a data set, one tidy table."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from moe_lab.bench.lineup import line_up
from moe_lab.bench.metrics import METRICS, score_fitted
from moe_lab.bench.splits import draw_split, make_splits
from moe_lab.datasets.fingerprint import fingerprint
from moe_lab.device import resolve_device
from moe_lab.experts.labels import of_codes
from moe_lab.progress import is_relayed, progress_bar, say

if TYPE_CHECKING:
    from moe_lab.datasets.base import Dataset

__all__ = ["IDENTITY", "compare", "encode_target", "fit_on_fold", "fit_on_split"]

# What tells one fit of one method from another; a metric's score belongs to one of these.
IDENTITY = ["dataset", "method", "n_folds", "seed", "fold"]


def compare(
    methods: str | list | dict,
    dataset: Dataset | str | Path,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    *,
    n_train: int | None = None,
    n_test: int = 4000,
    n_jobs: int | None = None,
    device: str = "cpu",
    errors: str = "raise",
    progress: bool = True,
) -> pd.DataFrame:
    """Fit and score every method on the same folds, or on one split a seed.

    Folds and splits are drawn anew for each seed; groups are held out together; a set in time order
    is never shuffled, there the seeds reach the models alone. Class labels are encoded once, so
    that all methods are scored on the same classes.

    Parameters
    ----------
    methods : list or dict
        Names of `methods` or `experts`, (name, params) pairs, or a dict of label -> estimator.
    dataset : Dataset, str or Path
        A data set, the name of a registered one, or the path of a CSV or Parquet file.
    folds : int, default=5
        Number of folds, at least 2.
    seeds : sequence of int, default=(0,)
        Each repeats the whole comparison with other folds and other random states.
    n_train : int, optional
        Instead of folds, one random split a seed with so many training rows (70 % of the set at
        most); in the table it is fold 0 of 1. In time order the training rows are those just before
        the test.
    n_test : int, default=4000
        Test rows of such a split at most; in time order the last ones.
    n_jobs : int, optional
        Handed to the methods. Methods and folds follow each other, so that seconds compare.
    device : str, default="cpu"
        Handed to the methods: "cpu", "cuda", "cuda:N" or "auto".
    errors : {"raise", "warn"}, default="raise"
        What to do with a method that fails: raise its own exception with a note on where it was,
        or warn, score NaN and go on.
    progress : bool, default=True
        Show a progress bar.

    Returns
    -------
    scores : DataFrame
        One row for each data set, method, seed, fold and metric, the primary metric first.
        Columns dataset, data (its fingerprint), task, method, n_folds, seed, fold, n_train, n_test,
        metric, score; and, the same for all metrics of one fit, fit_seconds and predict_seconds
        (wall) and fit_cpu_seconds (all threads of this process; workers in other processes do not
        count).

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from moe_lab.datasets.base import Dataset
    >>> X, y = make_regression(60, 3, random_state=0)
    >>> tiny = Dataset("tiny", pd.DataFrame(X), pd.Series(y), "regression")
    >>> scores = compare(["linear"], tiny, folds=3, progress=False)
    >>> scores[["method", "fold", "metric"]].head(2)
       method  fold metric
    0  linear     0   rmse
    1  linear     0    mae
    """
    dataset = as_dataset(dataset)
    _check(seeds, errors)
    settings = {"device": resolve_device(device), "n_jobs": n_jobs}
    lineup = line_up(methods, dataset.task)
    y, n_classes = encode_target(dataset)
    data = fingerprint(dataset)
    if n_train is None:
        splits = {seed: make_splits(dataset, y, folds=folds, seed=seed) for seed in seeds}
    else:
        rows, folds = {"n_train": n_train, "n_test": n_test}, 1
        splits = {seed: [draw_split(dataset, y, **rows, seed=seed)] for seed in seeds}
    tables = []
    with progress_bar(len(splits) * folds * len(lineup), unit="fit", shown=progress) as bar:
        for seed, name, fold in ((s, m, f) for s in splits for m in lineup for f in range(folds)):
            bar.set_description(f"{dataset.name}, {name}, seed {seed}, fold {fold + 1}/{folds}")
            job = _Job(dataset, y, n_classes, *splits[seed][fold], seed)
            where = {"method": name, "n_folds": folds, "seed": seed, "fold": fold}
            tables.append(_run(lineup[name], job, settings, where, errors))
            bar.update()
            if progress and is_relayed() and fold == folds - 1:
                say(_finished(dataset.name, tables[-folds:]))
    scores = pd.concat(tables, ignore_index=True)
    scores.insert(1, "data", data)
    return scores


def fit_on_fold(
    method: Any,
    dataset: Dataset | str | Path,
    folds: int = 5,
    seed: int = 0,
    *,
    fold: int = 0,
    n_jobs: int | None = None,
    device: str = "cpu",
) -> tuple[Any, pd.DataFrame]:
    """Fit one method on one fold of a comparison, to look inside.

    Parameters
    ----------
    method : str, (name, params) pair or estimator
    dataset : Dataset, str or Path
    folds, seed, fold : int
        Which fold of which comparison.
    n_jobs, device
        As for `compare`.

    Returns
    -------
    estimator : fitted estimator
    X_test : DataFrame of shape (n_test, n_features)
        The rows held out.
    """
    dataset = as_dataset(dataset)
    y, n_classes = encode_target(dataset)
    train, test = make_splits(dataset, y, folds=folds, seed=seed)[fold]
    (built,) = line_up([method], dataset.task).values()
    job = _Job(dataset, y, n_classes, train, test, seed)
    estimator = _fit(built, job, {"device": resolve_device(device), "n_jobs": n_jobs})
    return estimator, dataset.X.iloc[test]


def fit_on_split(
    method: Any,
    dataset: Dataset | str | Path,
    n_train: int,
    n_test: int = 4000,
    seed: int = 0,
    *,
    n_jobs: int | None = None,
    device: str = "cpu",
) -> tuple[Any, pd.DataFrame, np.ndarray]:
    """Fit one method on the split that `compare` draws for a seed, to look inside.

    Parameters
    ----------
    method : str, (name, params) pair or estimator
    dataset : Dataset, str or Path
    n_train, n_test, seed : int
        Which split.
    n_jobs, device
        As for `compare`.

    Returns
    -------
    estimator : fitted estimator
    X_test : DataFrame of shape (n_test, n_features)
        The rows held out.
    y_test : ndarray of shape (n_test,)
        Their targets as the estimator knows them: floats, or codes of the sorted classes.
    """
    dataset = as_dataset(dataset)
    y, n_classes = encode_target(dataset)
    train, test = draw_split(dataset, y, n_train=n_train, n_test=n_test, seed=seed)
    (built,) = line_up([method], dataset.task).values()
    job = _Job(dataset, y, n_classes, train, test, seed)
    estimator = _fit(built, job, {"device": resolve_device(device), "n_jobs": n_jobs})
    return estimator, dataset.X.iloc[test], y[test]


def as_dataset(dataset: Dataset | str | Path) -> Dataset:
    """Return a Dataset as it is; load one by its registered name or path."""
    if not isinstance(dataset, str | Path):
        return dataset
    from moe_lab.datasets import load_dataset

    return load_dataset(dataset)


def encode_target(dataset: Dataset) -> tuple[np.ndarray, int | None]:
    """Return y as floats, or as codes of the sorted classes, and the number of classes."""
    if dataset.task == "regression":
        return dataset.y.to_numpy(dtype=float), None
    classes, codes = np.unique(dataset.y.to_numpy(), return_inverse=True)
    return codes, len(classes)


class _Job(NamedTuple):
    """One fold of one data set."""

    dataset: object
    y: np.ndarray
    n_classes: int | None
    train: np.ndarray
    test: np.ndarray
    seed: int


def _check(seeds, errors):
    if isinstance(seeds, int | np.integer) or not len(seeds):
        raise ValueError(f"seeds must be a sequence of whole numbers, got {seeds!r}; pass (0,).")
    if errors not in ("raise", "warn"):
        raise ValueError(f"errors must be 'raise' or 'warn', got errors={errors!r}.")


def _run(method, job, settings, where, errors):
    """Fit and score one method on one fold: the rows of the table, one a metric."""
    try:
        scores, seconds = _fit_and_score(method, job, settings)
    except Exception as error:
        place = "method '{method}', seed {seed}, fold {fold} of {n_folds}".format(**where)
        if errors == "raise":
            error.add_note(f"It came up in {place} (from 0), data set {job.dataset.name!r}.")
            raise
        warnings.warn(
            f"No score for {place}, data set {job.dataset.name!r}: {error!r}", stacklevel=3
        )
        names = [metric.name for metric in METRICS.values() if metric.task == job.dataset.task]
        scores, seconds = dict.fromkeys(names, np.nan), {}
    rows = pd.DataFrame({"metric": list(scores), "score": list(scores.values())})
    leading = {"dataset": job.dataset.name, "task": job.dataset.task, **where}
    leading |= {"n_train": len(job.train), "n_test": len(job.test)}
    seconds = {name: seconds.get(name, np.nan) for name in _SECONDS}
    return pd.DataFrame(leading, index=rows.index).join(rows).assign(**seconds)


def _finished(name, tables):
    """Say what a method has come to on all folds of one seed."""
    rows = pd.concat(tables)
    first = rows.iloc[0]
    score = rows.loc[rows["metric"] == first["metric"], "score"].mean(skipna=False)
    seconds = sum(table["fit_seconds"].iloc[0] for table in tables)
    told = f"{first['metric']} {score:.4g}, {seconds:.0f} s of fits"
    return f"{name}: {first['method']}: {told}, seed {first['seed']}"


_SECONDS = ("fit_seconds", "fit_cpu_seconds", "predict_seconds")


def _fit_and_score(method, job, settings):
    wall, cpu = time.perf_counter(), time.process_time()
    estimator = _fit(method, job, settings)
    seconds = {
        "fit_seconds": time.perf_counter() - wall,
        "fit_cpu_seconds": time.process_time() - cpu,
    }
    scores, seconds["predict_seconds"] = score_fitted(
        estimator,
        job.dataset.X.iloc[job.test],
        job.y[job.test],
        task=job.dataset.task,
        n_classes=job.n_classes,
    )
    return scores, seconds


def _fit(method, job, settings):
    if job.n_classes is not None:
        method = of_codes(method, np.unique(job.dataset.y.to_numpy()))
    estimator = method.build(
        job.dataset.task, n_classes=job.n_classes, random_state=job.seed, **settings
    )
    X, y, groups = job.dataset.X.iloc[job.train], job.y[job.train], job.dataset.groups
    if groups is not None and has_fit_parameter(estimator, "groups"):
        return estimator.fit(X, y, groups=np.asarray(groups)[job.train])
    return estimator.fit(X, y)
