"""What to learn from out-of-fold predictions: constant weights, weights that vary, a correction.

``python -m moe_lab.studies.level_two`` cross-fits the pool "auto" once for each data set and seed,
refits it, and holds the rules of the level above against each other on the same held-out rows. One
random split a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.tree import DecisionTreeRegressor

from moe_lab.bench.comparison import as_dataset, encode_target
from moe_lab.bench.lineup import split_names
from moe_lab.bench.metrics import classification_scores, regression_scores
from moe_lab.bench.splits import draw_split
from moe_lab.bench.statistics import paired
from moe_lab.experts.cross_fitting import cross_fit, refit
from moe_lab.experts.fitting import predict_expert
from moe_lab.experts.spec import as_experts, build_experts
from moe_lab.gate.anchored import LEAST_CURVATURE, SHRINKAGE, AnchoredGate
from moe_lab.likelihood.outcome import row_losses
from moe_lab.likelihood.stacks import (
    LinearStack,
    LogLinearStack,
    clipped_logs,
    linear_weights,
    log_linear_weights,
)
from moe_lab.pool.learned import LearnedPooler
from moe_lab.registry import datasets
from moe_lab.studies.mixture_vs_stacking.markdown import as_markdown
from moe_lab.studies.sweeps.place import facts
from moe_lab.table import NumericTable, Reading, StackedTable, given_to, learn_table
from moe_lab.table.data import TrainingData

TITLE = "# What to learn from out-of-fold predictions"
HEAD = (
    "Loss of constant weights on held-out rows, and what the other rules are over it in %, with\n"
    "the standard error over splits; the last rows are means over sets (won, tied within .3 %,\n"
    "lost). The default is `constant + correction` in classification, `boosted + correction` in\n"
    "regression."
)
VARY = "Weights that vary (boosted) against constant ones, both with a correction, in %:"
TIE = 0.3  # %
LEAST_SHARE = 0.01  # of a stack's weight, as in the default
REGIONS = 4
PULL = 30.0  # of a region's weights towards those of all rows: ten times the stack's


class LogLinearGate(AnchoredGate):
    """An anchored gate whose trees move the weights inside a log-linear pool."""

    def __init__(self, anchor: Any, beta: float, bias: np.ndarray, **settings: Any):
        super().__init__(anchor, **settings)
        self.beta = beta
        self.bias = bias

    def fit_pooled(
        self,
        X: Any,
        predictions: np.ndarray,
        y: np.ndarray,
        loss: str,
        sample_weight: np.ndarray | None = None,
    ) -> LogLinearGate:
        self.anchor_ = np.asarray(self.anchor)
        self.varied_ = self.anchor_ > 0
        told = predictions[:, self.varied_]
        self.base_ = np.log(self.anchor_[self.varied_])
        self.table_ = StackedTable().fit(X)
        objective = _log_linear(clipped_logs(told), y, self.beta, self.bias)
        features, categories = self.table_.transform(X, told), self.table_.categories_
        self.booster_ = self._boost(features, objective, categories=categories, **SHRINKAGE)
        return self


def _log_linear(logs, y, beta, bias):
    truth = np.eye(logs.shape[2])[y]

    def gradient_and_hessian(scores, rows):
        gate = softmax(scores, axis=1)
        pooled = np.einsum("nk,nkc->nc", gate, logs)
        p = softmax(beta * pooled + bias, axis=1)
        moves = beta * gate[:, :, None] * (logs - pooled[:, None])  # of the score, (n, k, c)
        slopes = np.einsum("nkc,nc->nk", moves, p - truth)
        mean = np.einsum("nkc,nc->nk", moves, p)
        variance = np.einsum("nkc,nc->nk", moves**2, p) - mean**2
        return slopes, logs.shape[1] / 2 * variance + LEAST_CURVATURE

    return gradient_and_hessian


class Regions:
    """Weights of their own for each leaf of a shallow tree, pulled towards those of all rows.

    The tree splits the table by how the experts' losses differ.
    """

    def __init__(self, stack: Any):
        self.stack = stack

    def fit(self, X: Reading, predictions: np.ndarray, y: np.ndarray) -> Regions:
        n_outputs = predictions.shape[2]
        losses = row_losses(predictions, y, n_outputs if n_outputs > 1 else None)
        self.table_, Z = learn_table(NumericTable(scale=True), X, None)
        least = max(50, len(y) // 20)
        tree = DecisionTreeRegressor(max_leaf_nodes=REGIONS, min_samples_leaf=least, random_state=0)
        self.tree_ = tree.fit(Z, losses - losses.mean(axis=1, keepdims=True))
        prior = {"precision": PULL * predictions.shape[1], "centre": self.stack.weights_}
        self.weights_ = {}
        for leaf in np.unique(leaves := self.tree_.apply(Z)):
            rows = leaves == leaf
            if predictions.shape[2] > 1:
                logs = clipped_logs(predictions[rows])
                self.weights_[leaf] = log_linear_weights(logs, y[rows], **prior)
            else:
                weights, bias = linear_weights(predictions[rows, :, 0], y[rows], **prior)
                self.weights_[leaf] = weights, np.array([bias])
        return self

    def answer(self, X: Reading, predictions: np.ndarray) -> np.ndarray:
        said = clipped_logs(predictions) if predictions.shape[2] > 1 else predictions
        leaves = self.tree_.apply(self.table_.transform(X))
        parts = [self.weights_[leaf] for leaf in leaves]
        score = np.einsum("nk,nkc->nc", np.array([weights for weights, _ in parts]), said)
        score = score + np.array([bias for _, bias in parts])
        return softmax(score, axis=1) if predictions.shape[2] > 1 else score


def rules(
    train: TrainingData, told: np.ndarray, X: Any, asked: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the pooled answer of every rule.

    Parameters
    ----------
    train : TrainingData
        With X as a Reading.
    told : ndarray of shape (n_train, n_experts, n_outputs)
        Out of fold.
    X : Reading of n_test rows
    asked : ndarray of shape (n_test, n_experts, n_outputs)

    Returns
    -------
    answers : dict of str -> ndarray of shape (n_test, n_outputs)
    """
    classifies = train.task == "classification"
    stack = (LogLinearStack if classifies else LinearStack)()
    stack.fit(train.X, train.y, predictions=told)
    beta, n_experts = stack.weights_.sum(), told.shape[1]
    anchor = stack.weights_ / beta if beta else np.full(n_experts, 1 / n_experts)
    gate = LogLinearGate(anchor, beta, stack.bias_) if classifies else AnchoredGate(anchor)
    gate.fit_pooled(train.X, told, train.y, "squared_error")
    gates = {
        "constant": (np.tile(anchor, (len(told), 1)), np.tile(anchor, (len(asked), 1))),
        "boosted": (gate.predict_proba(train.X, told), gate.predict_proba(X, asked)),
    }
    answers = {}
    for name, (of_train, of_test) in gates.items():
        for trees in (0, None):
            pool = LearnedPooler(trees, anchor=(beta, stack.bias_))
            pool.fit(told, of_train, train.y, X=train.X, random_state=0)
            label = name if trees == 0 else f"{name} + correction"
            answers[label] = pool.pool(asked, of_test, X=X)
    answers["regions"] = Regions(stack).fit(train.X, told, train.y).answer(X, asked)
    return answers


def study(
    names: Sequence[str],
    n_train: int,
    seeds: Sequence[int],
    told: Callable[[str], None] = lambda text: None,
) -> pd.DataFrame:
    """Score every rule on one split a seed of every data set.

    Parameters
    ----------
    names : sequence of str
    n_train : int
    seeds : sequence of int
    told : callable
        Hears each set and seed that is done.

    Returns
    -------
    scores : DataFrame
        As from `compare`, the methods being the rules.
    """
    tables = []
    for name in names:
        for seed in seeds:
            tables.append(_scores(as_dataset(name), n_train, seed))
            told(f"{name}, seed {seed}")
    return pd.concat(tables, ignore_index=True)


def _scores(dataset, n_train, seed):
    y, n_classes = encode_target(dataset)
    train, test = draw_split(dataset, y, n_train=n_train, n_test=4000, seed=seed)
    data = TrainingData(
        dataset.X.iloc[train], y[train], task=dataset.task, n_classes=n_classes
    ).read()
    told, asked = _said(data, dataset.X.iloc[test], seed)
    answers = rules(data, told, Reading.of(dataset.X.iloc[test]), asked)
    score = regression_scores if n_classes is None else classification_scores
    where = {"dataset": dataset.name, "task": dataset.task, "n_folds": 1, "seed": seed, "fold": 0}
    where |= {"n_train": len(train), "n_test": len(test)}
    return pd.DataFrame(
        where | {"method": rule, "metric": metric, "score": value}
        for rule, answer in answers.items()
        for metric, value in score(y[test], answer if n_classes else answer[:, 0]).items()
    )


def _said(data, X_test, seed):
    """Return what the pool says out of fold and of the test rows, without who does not pay."""
    experts = as_experts("auto", data.task, None)
    seeds = [seed] * len(experts)
    classes = None if data.n_classes is None else np.arange(data.n_classes)
    built = build_experts(experts, data.task, seeds=seeds, classes=classes)
    told, to_refit = cross_fit(built, data, data.folds(3), seeds=seeds, keep=True)
    stack = (LinearStack if data.n_classes is None else LogLinearStack)(pull=0.1)
    share = stack.fit(data.X, data.y, predictions=told).weights_
    share = share / max(share.sum(), 1e-12)
    pays = np.flatnonzero((share >= LEAST_SHARE) | (share == share.max()))
    X = Reading.of(X_test)
    fitted = [refit(to_refit[k], data, random_state=seed) for k in pays]
    asked = [predict_expert(one, given_to(one, X), n_classes=data.n_classes) for one in fitted]
    return told[:, pays], np.stack(asked, axis=1)


def table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each set: the loss of constant weights, and what the other rules are over
    it in per cent, with the standard error over seeds; and the mean over sets by task."""
    rows: dict = {}
    for _, row in paired(scores, "constant").iterrows():
        chosen = (scores["dataset"] == row["dataset"]) & (scores["method"] == "constant")
        base = scores.loc[chosen & (scores["metric"] == row["metric"]), "score"].mean()
        cells = rows.setdefault(
            row["dataset"], {"metric": row["metric"], "constant": f"{base:.4g}"}
        )
        cells[row["method"]] = f"{row['difference']:+.2f} ± {row['se']:.2f}"
    for metric, part in paired(scores, "constant").groupby("metric"):
        cells = rows.setdefault(
            f"mean of {part['dataset'].nunique()} ({metric})", {"metric": metric}
        )
        for method, of_method in part.groupby("method"):
            d = of_method["difference"]
            won = (d < -TIE).sum(), (d.abs() <= TIE).sum(), (d > TIE).sum()
            cells[method] = f"{d.mean():+.2f} ({won[0]}/{won[1]}/{won[2]})"
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("data set")


def varying(scores: pd.DataFrame) -> pd.DataFrame:
    """Return what weights that vary are over constant ones in %, both with a correction: over the
    sets of each task the mean, its standard error, the median, and sets won, tied and lost."""
    both = paired(scores, "constant + correction")
    rows = {}
    for metric, part in both[both["method"] == "boosted + correction"].groupby("metric"):
        d = part["difference"]
        rows[metric] = {
            "sets": len(d),
            "mean": f"{d.mean():+.2f} ± {d.std() / np.sqrt(len(d)):.2f}",
            "median": f"{d.median():+.2f}",
            "won": (d < -TIE).sum(),
            "tied": (d.abs() <= TIE).sum(),
            "lost": (d > TIE).sum(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def command_of(out: Path, n_train: int, n_seeds: int) -> str:
    """Return the command that writes the page."""
    return f"python -m moe_lab.studies.level_two --n-train {n_train} --seeds {n_seeds} --out {out}"


@click.command(
    help="Rules that learn from out-of-fold predictions, against constant weights.",
    context_settings={"show_default": True},
)
@click.option("--datasets", "names", default=",".join(datasets.names()))
@click.option("--n-train", default=2000, type=click.IntRange(min=50), help="Training rows.")
@click.option("--seeds", default=3, type=click.IntRange(min=2), help="Splits.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def main(names, n_train, seeds, out):
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    said = lambda text: click.echo(text, err=True)  # noqa: E731
    scores = study(split_names(names), n_train, range(seeds), said)
    text = as_markdown(table(scores).reset_index())
    click.echo(text)
    if out is not None:
        scores.to_csv(out / "scores.csv", index=False, float_format="%.6g")
        vary = as_markdown(varying(scores).reset_index())
        page = (TITLE, facts(command_of(out, n_train, seeds)), HEAD, text, VARY, vary)
        (out / "README.md").write_text("\n\n".join(page) + "\n")


if __name__ == "__main__":
    main()
