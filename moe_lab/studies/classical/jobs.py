"""Many fits at a time: fitted to some rows, scored on others."""

import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from moe_lab.bench.lineup import line_up
from moe_lab.progress import progress_bar


def held_out(
    jobs: list[tuple], score: str, n_jobs: int | None, verbose: int
) -> tuple[pd.DataFrame, dict]:
    """Fit each method to its training rows and score the others.

    Parameters
    ----------
    jobs : list of (where, method, rows, seed)
        ``where`` names the method and what is repeated; ``rows`` are the task and the pairs (X, y)
        to train on and to score.
    score : {"accuracy", "relative_error"}
        What the column of the scores is called; the task decides which it is.
    n_jobs, verbose
        As for the studies.

    Returns
    -------
    scores : DataFrame
        One row for each job.
    fitted : dict from the values of ``where`` to the fitted estimator
    """
    answers = in_parallel(_fit_and_score, jobs, n_jobs, verbose)
    rows = [
        where | {score: value, "n_experts": getattr(estimator, "n_experts_", 1), **notes}
        for (where, *_), (estimator, value, notes) in zip(jobs, answers, strict=True)
    ]
    fitted = {
        tuple(where.values()): estimator
        for (where, *_), (estimator, *_) in zip(jobs, answers, strict=True)
    }
    return pd.DataFrame(rows), fitted


def _fit_and_score(where, method, rows, seed):
    """Return the fitted estimator, its accuracy or relative error, and what the fit told."""
    task, (X, y), (X_test, y_test) = rows
    (built,) = line_up({where["method"]: method}, task).values()
    n_classes = y.nunique() if task == "classification" else None
    estimator = built.build(task, n_classes=n_classes, random_state=seed, n_jobs=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        estimator.fit(X, y.to_numpy())
        notes = {"fit_seconds": time.perf_counter() - start}
    notes["warnings"] = " ".join(sorted({str(warning.message) for warning in caught}))
    answer, truth = estimator.predict(X_test), y_test.to_numpy()
    accurate = task == "classification"
    value = np.mean(answer == truth) if accurate else np.mean((answer - truth) ** 2) / truth.var()
    return estimator, float(value), notes


def in_parallel(
    function: Callable, jobs: Sequence[tuple], n_jobs: int | None, verbose: int, unit: str = "fit"
) -> list:
    """Return what the function answers to each job, in their order."""
    workers = Parallel(n_jobs=n_jobs, return_as="generator")
    answers = []
    with progress_bar(len(jobs), unit=unit, shown=bool(verbose)) as bar:
        for answer in workers(delayed(function)(*job) for job in jobs):
            answers.append(answer)
            bar.update()
    return answers
