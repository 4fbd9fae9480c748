"""Out of fold: experts cross-fitted, the gate fitted to the loss of their pooled held-out
predictions."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone

from moe_lab.density import ScaleMixture
from moe_lab.fitting import (
    cross_fit,
    fit_expert,
    log_prob,
    noise_scales,
    progress,
    standard_deviation,
)
from moe_lab.folds import folds_or_in_sample
from moe_lab.gate.base import gates
from moe_lab.train.base import Trained, Trainer, trainers
from moe_lab.train.em import e_step


@trainers.register("out_of_fold")
class OutOfFold(Trainer):
    """Cross-fit different experts, refit them on all rows, fit the gate on their held-out
    predictions.

    The gate minimises the log-loss (classification) or squared error (regression) of the linear
    pool. In regression a second gate, ``density_gate_``, serves the density around the pooled mean.

    Parameters
    ----------
    cv : int, default=3
        Folds: contiguous in the order of the rows, or by group.
    min_scale : float, default=0.03
        Least noise scale of an expert, in standard deviations of y.
    """

    def __init__(self, cv=3, min_scale=0.03):
        self.cv = cv
        self.min_scale = min_scale

    def train(
        self,
        X,
        y,
        *,
        experts,
        gate,
        divide,
        task,
        n_classes,
        sample_weight,
        groups,
        seeds,
        n_jobs,
        verbose,
    ):
        if not hasattr(gate, "fit_pooled"):
            able = [name for name in gates.names() if hasattr(gates.get(name), "fit_pooled")]
            raise ValueError(
                f"train='out_of_fold' needs a gate with fit_pooled, got {gate!r}. Those that have "
                f"it: {', '.join(able)}."
            )
        parts = sample_weight[:, None] * (
            np.ones(len(experts)) if divide is None else divide(seeds[0])
        )
        fitted = Parallel(n_jobs=n_jobs)(
            delayed(fit_expert)(expert, X, y, parts[:, k], task=task, random_state=seeds[k])
            for k, expert in progress(list(enumerate(experts)), "fit", verbose)
        )
        predictions = cross_fit(
            experts,
            X,
            y,
            folds_or_in_sample(y, task=task, cv=self.cv, groups=groups),
            parts,
            task=task,
            n_classes=n_classes,
            seeds=seeds,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        loss = "squared_error" if task == "regression" else "log_loss"
        gate = clone(gate).fit_pooled(X, predictions, y, loss, sample_weight=sample_weight)
        return self._trained(X, y, fitted, gate, predictions, task, sample_weight)

    def _trained(self, X, y, fitted, gate, predictions, task, sample_weight):
        weights = gate.predict_proba(X)
        if task == "classification":
            _, log_likelihood = e_step(np.log(weights), log_prob(predictions, y), sample_weight)
            return Trained(fitted, gate, pd.DataFrame({"log_likelihood": [log_likelihood]}))
        mean = np.einsum("nk,nk->n", weights, predictions[:, :, 0])
        density = ScaleMixture().fit(X, predictions, mean, y, sample_weight)
        log_likelihood = sample_weight @ density.log_prob(X, predictions, mean, y)
        least = max(self.min_scale * standard_deviation(y, sample_weight), 1e-12)
        scales = noise_scales(predictions, y, sample_weight[:, None], least)
        return Trained(
            fitted, gate, pd.DataFrame({"log_likelihood": [log_likelihood]}), scales, density
        )
