"""The laws of experts, and those of methods, which are experts that can be fitted alone."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import trapezoid
from sklearn.base import clone

from moe_lab.experts.base import Expert, is_stacker
from moe_lab.experts.cross_fitting import cross_fit
from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.experts.powers import HasDensity, Parametric
from moe_lab.registry.powers import has_power
from moe_lab.table.data import TrainingData
from moe_lab.table.prepared import tags_of
from moe_lab.testing.examples import N_CLASSES, example_table, example_target
from moe_lab.testing.saving import assert_same, loaded_again
from moe_lab.testing.simplifying import simplified


def _for_each_task(check):
    def run(expert):
        asked = simplified().task
        for task in [asked] if asked else expert.tasks:
            check(expert, task, None if task == "regression" else N_CLASSES)

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    return run


def _built(expert, task, seed=0):
    return expert.build(task, n_classes=_n(task), random_state=seed, device="cpu", n_jobs=1)


def _counts(expert, task):
    """Whether what an expert builds says, by scikit-learn's tag, that it takes no negative y."""
    return task == "regression" and tags_of(_built(expert, task)).target_tags.positive_only


def _target(expert, task, X):
    return example_target(X, task, counts=_counts(expert, task))


def _fitted(expert, task, X, y, sample_weight=None, seed=0):
    built = _built(expert, task, seed)
    return fit_expert(built, X, y, sample_weight, task=task, random_state=seed)


def _n(task):
    return None if task == "regression" else N_CLASSES


@_for_each_task
def check_expert_predicts_every_row(expert: Expert, task: str, n_classes: int | None) -> None:
    """One finite prediction a row; probabilities are non-negative and sum to 1."""
    X = example_table()
    predictions = predict_expert(
        _fitted(expert, task, X, _target(expert, task, X)), X, n_classes=n_classes
    )
    assert predictions.shape == (len(X), n_classes or 1)
    assert np.isfinite(predictions).all()
    if n_classes:
        assert (predictions >= 0).all()
        assert_allclose(predictions.sum(axis=1), 1, atol=1e-5)


@_for_each_task
def check_expert_learns(expert: Expert, task: str, n_classes: int | None) -> None:
    """On an easy target it predicts the rows it was fitted to better than a constant would."""
    X = example_table(300)
    y = _target(expert, task, X)
    predictions = predict_expert(_fitted(expert, task, X, y), X, n_classes=n_classes)
    if task == "regression":
        assert np.mean((predictions[:, 0] - y) ** 2) < 0.7 * y.var()
    else:
        assert np.mean(predictions.argmax(axis=1) == y) > 1.15 * np.bincount(y).max() / len(y)


@_for_each_task
def check_expert_keeps_row_order(expert: Expert, task: str, n_classes: int | None) -> None:
    """Predictions belong to the rows they stand beside: permuted rows, permuted predictions."""
    X = example_table()
    fitted = _fitted(expert, task, X, _target(expert, task, X))
    order = np.random.default_rng(1).permutation(len(X))
    predictions = predict_expert(fitted, X, n_classes=n_classes)
    permuted = predict_expert(fitted, X.iloc[order], n_classes=n_classes)
    assert_allclose(permuted, predictions[order], rtol=1e-4, atol=1e-6)


@_for_each_task
def check_expert_ignores_batch_mates(expert: Expert, task: str, n_classes: int | None) -> None:
    """A row's prediction does not depend on the rows beside it: one row alone is predicted
    alike."""
    X = example_table()
    fitted = _fitted(expert, task, X, _target(expert, task, X))
    together = predict_expert(fitted, X.iloc[:5], n_classes=n_classes)
    alone = [
        predict_expert(fitted, X.iloc[[i]], n_classes=n_classes)[0] for i in range(len(together))
    ]
    assert_allclose(alone, together, rtol=1e-4, atol=1e-6)


@_for_each_task
def check_expert_heeds_sample_weight(expert: Expert, task: str, n_classes: int | None) -> None:
    """Of two contradictory halves, the heavier one is learnt."""
    half = example_table(150)
    X = half.loc[half.index.repeat(2)].reset_index(drop=True)  # twins stand side by side
    least = 1 if _counts(expert, task) else 0
    y = np.tile([least, least + 2], len(half)).astype(float if task == "regression" else int)
    weight = np.tile([1.0, 0.05], len(half))
    light, heavy = (_fitted(expert, task, X, y, w) for w in (weight, weight[::-1]))
    light, heavy = (predict_expert(fitted, half, n_classes=n_classes) for fitted in (light, heavy))
    if task == "regression":
        assert light.mean() < least + 0.6
        assert heavy.mean() > least + 1.4
    else:
        assert light[:, 0].mean() > 0.6
        assert heavy[:, 2].mean() > 0.6


@_for_each_task
def check_expert_does_not_leak(expert: Expert, task: str, n_classes: int | None) -> None:
    """Out-of-fold predictions of pure noise are no better than a guess."""
    X = example_table(240)
    rng = np.random.default_rng(3)
    y = _noise(rng, len(X), n_classes, counts=_counts(expert, task))
    built = _built(expert, task)
    fit_expert(built, X, y, task=task)  # what it sees here, it must not remember
    data = TrainingData(X, y, task=task, n_classes=n_classes)
    predictions = cross_fit([built], data, data.folds(3), seeds=[0])[:, 0]
    if task == "regression":
        assert np.corrcoef(predictions[:, 0], y)[0, 1] < 0.4
    else:
        assert np.mean(predictions.argmax(axis=1) == y) < 0.55


def _noise(rng, n_samples, n_classes, counts):
    if counts:
        return 1.0 + rng.poisson(3.0, size=n_samples)
    if n_classes is None:
        return rng.normal(size=n_samples)
    return rng.integers(n_classes, size=n_samples)


@_for_each_task
def check_expert_is_seeded(expert: Expert, task: str, n_classes: int | None) -> None:
    """The same seed gives the same predictions."""
    X = example_table()
    y = _target(expert, task, X)
    one, two = (
        predict_expert(_fitted(expert, task, X, y), X, n_classes=n_classes) for _ in range(2)
    )
    assert_allclose(one, two, rtol=1e-6, atol=1e-9)


@_for_each_task
def check_expert_leaves_its_inputs_alone(expert: Expert, task: str, n_classes: int | None) -> None:
    """Neither table, target nor weights are changed by fit and predict."""
    X = example_table()
    y, weight = _target(expert, task, X), np.linspace(0.5, 1, len(X))
    before = X.copy(), y.copy(), weight.copy()
    predict_expert(_fitted(expert, task, X, y, weight), X, n_classes=n_classes)
    pd.testing.assert_frame_equal(X, before[0])
    assert_array_equal(y, before[1])
    assert_array_equal(weight, before[2])


@_for_each_task
def check_expert_meets_new_levels(expert: Expert, task: str, n_classes: int | None) -> None:
    """A level never seen, and a column all missing, do not stop predict."""
    X = example_table()
    fitted = _fitted(expert, task, X, _target(expert, task, X))
    new = X.iloc[:4].copy()
    new["word"], new["x1"] = ["blue", "blue", "red", None], np.nan
    assert np.isfinite(predict_expert(fitted, new, n_classes=n_classes)).all()


def check_expert_widens_missing_classes(expert: Expert) -> None:
    """A part that lacks a class gives that class little probability, in its own column."""
    if "classification" not in expert.tasks:
        return
    X = example_table()
    y = np.where(X["x0"] > 0, 2, 0)
    predictions = predict_expert(_fitted(expert, "classification", X, y), X, n_classes=N_CLASSES)
    assert predictions[:, 1].max() < 0.2
    assert np.mean(predictions.argmax(axis=1) == y) > 0.8


@_for_each_task
def check_expert_fits_few_rows(expert: Expert, task: str, n_classes: int | None) -> None:
    """A part of four rows is enough."""
    X = example_table().iloc[:4]
    least = 1 if _counts(expert, task) else 0
    y = least + np.arange(4.0) if task == "regression" else np.array([0, 1, 0, 1])
    y = y[: len(X)]
    assert np.isfinite(predict_expert(_fitted(expert, task, X, y), X, n_classes=n_classes)).all()


@_for_each_task
def check_expert_pickles(expert: Expert, task: str, n_classes: int | None) -> None:
    """A fitted expert predicts alike after a round trip through pickle."""
    X = example_table()
    fitted = _fitted(expert, task, X, _target(expert, task, X))
    again = pickle.loads(pickle.dumps(fitted))
    before, after = (predict_expert(one, X, n_classes=n_classes) for one in (fitted, again))
    assert_allclose(before, after, rtol=1e-6)


@_for_each_task
def check_expert_saves(expert: Expert, task: str, n_classes: int | None) -> None:
    """A fitted expert predicts alike after it was saved and loaded, to 1e-12."""
    X = example_table()
    fitted = _fitted(expert, task, X, _target(expert, task, X))
    again = loaded_again(fitted)
    assert_same(*(predict_expert(one, X, n_classes=n_classes) for one in (fitted, again)))


@_for_each_task
def check_expert_log_prob_is_a_probability(
    expert: Expert, task: str, n_classes: int | None
) -> None:
    """Where an expert has log_prob, it adds up to 1 over all targets: those of an expert that takes
    no negative ones are whole numbers."""
    X = example_table()
    fitted = _fitted(expert, task, X, _target(expert, task, X))
    if not has_power(fitted, HasDensity):
        return
    row = X.iloc[[0]]
    if task == "classification":
        total = sum(np.exp(fitted.log_prob(row, np.array([c])))[0] for c in range(N_CLASSES))
    else:
        grid = np.linspace(-30, 30, 60_001)
        if _counts(expert, task):
            grid = np.arange(301.0)
        density = np.exp(fitted.log_prob(row.loc[row.index.repeat(len(grid))], grid))
        total = trapezoid(density, grid) if grid[0] < 0 else density.sum()
    assert_allclose(total, 1, atol=1e-3)


def check_stacker_heeds_sample_weight(expert: Any) -> None:
    """Of two contradictory halves, a stacker learns the heavier one; and one with many parameters
    also where the input alone says which half is heavier."""
    stacker = getattr(expert, "stacker", expert)  # as in `Stacked`
    if not is_stacker(stacker):
        return
    half = example_table(150)
    X = half.loc[half.index.repeat(2)].reset_index(drop=True)
    everywhere, by_input = np.ones(len(X), bool), (X["x0"] > 0).to_numpy()
    for task in stacker.tasks:
        built = _built(stacker, task)
        for where in [everywhere] if has_power(built, Parametric) else [everywhere, by_input]:
            y = np.tile([0, 2], len(half)).astype(float if task == "regression" else int)
            light = np.where(
                where, np.tile([1.0, 0.05], len(half)), np.tile([0.05, 1.0], len(half))
            )
            heavy = np.where(light == 1, 0.05, 1.0)
            told = _told_nothing(len(X), task)
            means = [
                predict_expert(
                    clone(built).fit(X, y, weight, predictions=told),
                    X,
                    n_classes=_n(task),
                    predictions=told,
                )[where, -1].mean()
                for weight in (light, heavy)
            ]
            assert means[1] > 1.5 * means[0]


def _told_nothing(n_samples, task):
    """Return what two experts say that know nothing but disagree, (n_samples, 2, n_outputs)."""
    if task == "regression":
        return np.tile([[0.9], [1.1]], (n_samples, 1, 1))
    return np.tile([[0.4, 0.3, 0.3], [0.3, 0.3, 0.4]], (n_samples, 1, 1))


METHOD_CHECKS = [
    check_expert_predicts_every_row,
    check_expert_learns,
    check_expert_keeps_row_order,
    check_expert_ignores_batch_mates,
    check_expert_is_seeded,
    check_expert_leaves_its_inputs_alone,
    check_expert_meets_new_levels,
    check_expert_pickles,
    check_expert_saves,
]
EXPERT_CHECKS = [
    *METHOD_CHECKS,
    check_expert_heeds_sample_weight,
    check_stacker_heeds_sample_weight,
    check_expert_does_not_leak,
    check_expert_widens_missing_classes,
    check_expert_fits_few_rows,
    check_expert_log_prob_is_a_probability,
]
