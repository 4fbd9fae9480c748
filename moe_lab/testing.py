"""The laws that plugins keep: one list of checks for each kind, to be run on any plugin.

>>> from moe_lab.registry import gates
>>> for check in GATE_CHECKS:
...     check(gates.create("softmax"))

A check takes an instance and raises AssertionError where the law is broken. A plugin that cannot be
created without parameters says by ``example_params`` which to test it with; they may name the
columns of ``example_table``.
"""

import pickle

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import trapezoid
from sklearn.base import clone

from moe_lab.experts.base import Expert, is_stacker
from moe_lab.fitting import cross_fit, fit_expert, predict_expert
from moe_lab.folds import make_folds
from moe_lab.gate.base import ask_gate
from moe_lab.mixture import MoEClassifier, MoERegressor

N_CLASSES = 3


def example(registry, name):
    """Create a plugin with the parameters that its class gives for tests; a stacker comes in a
    mixture, since it cannot be fitted alone."""
    plugin = registry.create(name, **getattr(registry.get(name), "example_params", {}))
    return Stacked(plugin) if is_stacker(plugin) else plugin


class Stacked(Expert):
    """Two plain experts and a stacker behind an anchored gate, as one expert.

    Parameters
    ----------
    stacker : Expert
    """

    def __init__(self, stacker):
        self.stacker = stacker

    @property
    def tasks(self):
        return self.stacker.tasks

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        kind = MoERegressor if task == "regression" else MoEClassifier
        plain = ["linear", ("extra_trees", {"n_estimators": 30})]
        return kind([*plain, self.stacker], random_state=random_state, device=device)


def example_table(n_samples=120, random_state=0):
    """Make a table as it comes: numbers, a category, strings, missing values.

    Returns
    -------
    X : DataFrame with columns x0, x1 (floats), group (category), word (strings); 5 % missing in x1
    and word
    """
    rng = np.random.default_rng(random_state)
    X = pd.DataFrame(rng.normal(size=(n_samples, 2)), columns=["x0", "x1"])
    X["group"] = pd.Categorical(rng.choice(["a", "b", "c"], n_samples))
    X["word"] = rng.choice(["red", "green"], n_samples)
    X.loc[rng.random(n_samples) < 0.05, "x1"] = np.nan
    X.loc[rng.random(n_samples) < 0.05, "word"] = None
    return X


def example_target(X, task):
    """Return a learnable target: floats, or codes of three classes."""
    score = X["x0"].to_numpy() + (X["group"] == "b").to_numpy()
    score += 0.05 * np.sin(100 * X["x0"].to_numpy())  # so that no model fits without error
    return score if task == "regression" else np.digitize(score, [-0.3, 0.8])


def _for_each_task(check):
    def run(expert):
        for task in expert.tasks:
            check(expert, task, None if task == "regression" else N_CLASSES)

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    return run


def _fitted(expert, task, X, y, sample_weight=None, seed=0):
    built = expert.build(task, n_classes=_n(task), random_state=seed, device="cpu", n_jobs=1)
    return fit_expert(built, X, y, sample_weight, task=task, random_state=seed)


def _n(task):
    return None if task == "regression" else N_CLASSES


@_for_each_task
def check_expert_predicts_every_row(expert, task, n_classes):
    """One finite prediction a row; probabilities are non-negative and sum to 1."""
    X = example_table()
    predictions = predict_expert(
        _fitted(expert, task, X, example_target(X, task)), X, n_classes=n_classes
    )
    assert predictions.shape == (len(X), n_classes or 1)
    assert np.isfinite(predictions).all()
    if n_classes:
        assert (predictions >= 0).all()
        assert_allclose(predictions.sum(axis=1), 1, atol=1e-5)


@_for_each_task
def check_expert_learns(expert, task, n_classes):
    """On an easy target it predicts the rows it was fitted to better than a constant would."""
    X = example_table(300)
    y = example_target(X, task)
    predictions = predict_expert(_fitted(expert, task, X, y), X, n_classes=n_classes)
    if task == "regression":
        assert np.mean((predictions[:, 0] - y) ** 2) < 0.7 * y.var()
    else:
        assert np.mean(predictions.argmax(axis=1) == y) > 1.15 * np.bincount(y).max() / len(y)


@_for_each_task
def check_expert_keeps_row_order(expert, task, n_classes):
    """Predictions belong to the rows they stand beside: permuted rows, permuted predictions."""
    X = example_table()
    fitted = _fitted(expert, task, X, example_target(X, task))
    order = np.random.default_rng(1).permutation(len(X))
    predictions = predict_expert(fitted, X, n_classes=n_classes)
    permuted = predict_expert(fitted, X.iloc[order], n_classes=n_classes)
    assert_allclose(permuted, predictions[order], rtol=1e-4, atol=1e-6)


@_for_each_task
def check_expert_ignores_batch_mates(expert, task, n_classes):
    """A row's prediction does not depend on the rows beside it: one row alone is predicted
    alike."""
    X = example_table()
    fitted = _fitted(expert, task, X, example_target(X, task))
    together = predict_expert(fitted, X.iloc[:5], n_classes=n_classes)
    alone = [predict_expert(fitted, X.iloc[[i]], n_classes=n_classes)[0] for i in range(5)]
    assert_allclose(alone, together, rtol=1e-4, atol=1e-6)


@_for_each_task
def check_expert_heeds_sample_weight(expert, task, n_classes):
    """Of two contradictory halves, the heavier one is learnt."""
    half = example_table(150)
    X = half.loc[half.index.repeat(2)].reset_index(drop=True)  # twins stand side by side
    y = np.tile([0, 2], len(half)).astype(float if task == "regression" else int)
    weight = np.tile([1.0, 0.05], len(half))
    light, heavy = (_fitted(expert, task, X, y, w) for w in (weight, weight[::-1]))
    light, heavy = (predict_expert(fitted, half, n_classes=n_classes) for fitted in (light, heavy))
    if task == "regression":
        assert light.mean() < 0.6
        assert heavy.mean() > 1.4
    else:
        assert light[:, 0].mean() > 0.6
        assert heavy[:, 2].mean() > 0.6


@_for_each_task
def check_expert_does_not_leak(expert, task, n_classes):
    """Out-of-fold predictions of pure noise are no better than a guess."""
    X = example_table(240)
    rng = np.random.default_rng(3)
    y = rng.normal(size=240) if task == "regression" else rng.integers(N_CLASSES, size=240)
    built = expert.build(task, n_classes=n_classes, random_state=0, device="cpu", n_jobs=1)
    fit_expert(built, X, y, task=task)  # what it sees here, it must not remember
    folds = make_folds(y, task=task)
    predictions = cross_fit([built], X, y, folds, task=task, n_classes=n_classes, seeds=[0])[:, 0]
    if task == "regression":
        assert np.corrcoef(predictions[:, 0], y)[0, 1] < 0.4
    else:
        assert np.mean(predictions.argmax(axis=1) == y) < 0.55


@_for_each_task
def check_expert_is_seeded(expert, task, n_classes):
    """The same seed gives the same predictions."""
    X = example_table()
    y = example_target(X, task)
    one, two = (
        predict_expert(_fitted(expert, task, X, y), X, n_classes=n_classes) for _ in range(2)
    )
    assert_allclose(one, two, rtol=1e-6, atol=1e-9)


@_for_each_task
def check_expert_leaves_its_inputs_alone(expert, task, n_classes):
    """Neither table, target nor weights are changed by fit and predict."""
    X = example_table()
    y, weight = example_target(X, task), np.linspace(0.5, 1, len(X))
    before = X.copy(), y.copy(), weight.copy()
    predict_expert(_fitted(expert, task, X, y, weight), X, n_classes=n_classes)
    pd.testing.assert_frame_equal(X, before[0])
    assert_array_equal(y, before[1])
    assert_array_equal(weight, before[2])


@_for_each_task
def check_expert_meets_new_levels(expert, task, n_classes):
    """A level never seen, and a column all missing, do not stop predict."""
    X = example_table()
    fitted = _fitted(expert, task, X, example_target(X, task))
    new = X.iloc[:4].copy()
    new["word"], new["x1"] = ["blue", "blue", "red", None], np.nan
    assert np.isfinite(predict_expert(fitted, new, n_classes=n_classes)).all()


def check_expert_widens_missing_classes(expert):
    """A part that lacks a class gives that class little probability, in its own column."""
    if "classification" not in expert.tasks:
        return
    X = example_table()
    y = np.where(X["x0"] > 0, 2, 0)
    predictions = predict_expert(_fitted(expert, "classification", X, y), X, n_classes=N_CLASSES)
    assert predictions[:, 1].max() < 0.2
    assert np.mean(predictions.argmax(axis=1) == y) > 0.8


@_for_each_task
def check_expert_fits_few_rows(expert, task, n_classes):
    """A part of four rows is enough."""
    X = example_table().iloc[:4]
    y = np.arange(4.0) if task == "regression" else np.array([0, 1, 0, 1])
    assert np.isfinite(predict_expert(_fitted(expert, task, X, y), X, n_classes=n_classes)).all()


@_for_each_task
def check_expert_pickles(expert, task, n_classes):
    """A fitted expert predicts alike after a round trip through pickle."""
    X = example_table()
    fitted = _fitted(expert, task, X, example_target(X, task))
    again = pickle.loads(pickle.dumps(fitted))
    before, after = (predict_expert(one, X, n_classes=n_classes) for one in (fitted, again))
    assert_allclose(before, after, rtol=1e-6)


@_for_each_task
def check_expert_log_prob_is_a_probability(expert, task, n_classes):
    """Where an expert has log_prob, it adds up to 1 over all targets."""
    X = example_table()
    fitted = _fitted(expert, task, X, example_target(X, task))
    if not hasattr(fitted, "log_prob"):
        return
    row = X.iloc[[0]]
    if task == "classification":
        total = sum(np.exp(fitted.log_prob(row, np.array([c])))[0] for c in range(N_CLASSES))
    else:
        grid = np.linspace(-30, 30, 60_001)
        density = np.exp(fitted.log_prob(row.loc[row.index.repeat(len(grid))], grid))
        total = trapezoid(density, grid)
    assert_allclose(total, 1, atol=1e-3)


METHOD_CHECKS = [
    check_expert_predicts_every_row,
    check_expert_learns,
    check_expert_keeps_row_order,
    check_expert_ignores_batch_mates,
    check_expert_is_seeded,
    check_expert_leaves_its_inputs_alone,
    check_expert_meets_new_levels,
    check_expert_pickles,
]
EXPERT_CHECKS = [
    *METHOD_CHECKS,
    check_expert_heeds_sample_weight,
    check_expert_does_not_leak,
    check_expert_widens_missing_classes,
    check_expert_fits_few_rows,
    check_expert_log_prob_is_a_probability,
]


def _divided(divider, X, n_experts=3, seed=0, sample_weight=None):
    y = example_target(X, "regression")
    decides = bool(getattr(divider, "example_params", None))
    return divider.divide(
        X,
        y,
        n_experts=None if decides else n_experts,
        sample_weight=sample_weight,
        random_state=seed,
    )


def check_divider_gives_responsibilities(divider):
    """Every row is shared out once: finite, non-negative, rows sum to 1, and no expert is left
    without."""
    X = example_table()
    responsibilities = _divided(divider, X)
    assert responsibilities.shape[0] == len(X)
    assert (responsibilities >= 0).all()
    assert_allclose(responsibilities.sum(axis=1), 1)
    assert (responsibilities.sum(axis=0) > 0).all()


def check_divider_is_seeded(divider):
    """The same seed divides alike."""
    X = example_table()
    assert_array_equal(_divided(divider, X), _divided(divider, X))


def check_divider_takes_arrays_and_weights(divider):
    """Weights and one expert a row are no hindrance."""
    X = example_table(12)
    responsibilities = _divided(divider, X, n_experts=12, sample_weight=np.linspace(0.1, 1, 12))
    assert_allclose(responsibilities.sum(axis=1), 1)


DIVIDER_CHECKS = [
    check_divider_gives_responsibilities,
    check_divider_is_seeded,
    check_divider_takes_arrays_and_weights,
]


def _soft_targets(X, n_experts=3):
    scores = np.outer(X["x0"], np.arange(n_experts))
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def check_gate_gives_weights(gate):
    """One row of weights a sample: non-negative, summing to 1, equal to exp(log_proba)."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    weights = gate.predict_proba(X)
    assert weights.shape == (len(X), 3)
    assert (weights >= 0).all()
    assert_allclose(weights.sum(axis=1), 1)
    assert_allclose(np.exp(gate.log_proba(X)), weights, atol=1e-12)


def check_gate_ignores_batch_mates(gate):
    """A sample's weights do not depend on the rows beside it."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    alone = np.vstack([gate.predict_proba(X.iloc[[i]]) for i in range(5)])
    assert_allclose(alone, gate.predict_proba(X)[:5], rtol=1e-6)


def check_gate_recovers_constant_responsibilities(gate):
    """Where the input tells nothing, the weights are the mean responsibilities."""
    X = example_table(240)
    weights = clone(gate).fit(X, np.tile([0.7, 0.2, 0.1], (240, 1))).predict_proba(X)
    assert_allclose(weights, np.tile([0.7, 0.2, 0.1], (240, 1)), atol=0.02)


def check_gate_heeds_sample_weight(gate):
    """Rows that weigh more are believed more."""
    half = example_table(100)
    X = pd.concat([half, half], ignore_index=True)
    responsibilities = np.repeat([[1.0, 0.0], [0.0, 1.0]], 100, axis=0)
    weight = np.repeat([1.0, 0.1], 100)
    first = clone(gate).fit(X, responsibilities, sample_weight=weight).predict_proba(half)[:, 0]
    assert_allclose(first.mean(), 1 / 1.1, atol=0.05)


def check_gate_pools_better_than_uniform(gate):
    """Fitted to the pooled loss, it does no worse than equal weights on the rows it was fitted
    to."""
    if not hasattr(gate, "fit_pooled"):
        return
    X = example_table(240)
    y = example_target(X, "regression")
    predictions = np.column_stack([y + 0.1, np.zeros(240), -y])[:, :, None]
    fitted = clone(gate).fit_pooled(X, predictions, y, "squared_error")
    weights = ask_gate(fitted, X, predictions)
    error = np.mean((np.sum(weights * predictions[:, :, 0], axis=1) - y) ** 2)
    assert error < 0.5 * np.mean((predictions[:, :, 0].mean(axis=1) - y) ** 2)


def check_gate_pickles(gate):
    """A fitted gate weights alike after a round trip through pickle."""
    X = example_table()
    gate = clone(gate).fit(X, _soft_targets(X))
    assert_allclose(pickle.loads(pickle.dumps(gate)).predict_proba(X), gate.predict_proba(X))


GATE_CHECKS = [
    check_gate_gives_weights,
    check_gate_ignores_batch_mates,
    check_gate_recovers_constant_responsibilities,
    check_gate_heeds_sample_weight,
    check_gate_pools_better_than_uniform,
    check_gate_pickles,
]


def _for_each_pooling(check):
    def run(pooler):
        for task in pooler.tasks:
            rng = np.random.default_rng(0)
            predictions = rng.normal(size=(40, 4, 1))
            if task == "classification":
                predictions = rng.dirichlet(np.ones(N_CLASSES), size=(40, 4))
            scales = rng.uniform(1, 2, size=4) if task == "regression" else None
            check(pooler, predictions, rng.dirichlet(np.ones(4), size=40), scales)

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    return run


@_for_each_pooling
def check_pooler_keeps_unanimity(pooler, predictions, gate_weights, scales):
    """Where all experts agree, so does the pool."""
    same = np.repeat(predictions[:, :1], 4, axis=1)
    pooled = pooler.pool(same, gate_weights, scales)
    if not getattr(pooler, "counts_votes", False):
        assert_allclose(pooled, same[:, 0], atol=1e-9)
    assert_array_equal(pooled.argmax(axis=1), same[:, 0].argmax(axis=1))


@_for_each_pooling
def check_pooler_keeps_probabilities(pooler, predictions, gate_weights, scales):
    """Pooled probabilities are non-negative and sum to 1; a pooled mean lies among the experts'
    means."""
    pooled = pooler.pool(predictions, gate_weights, scales)
    assert pooled.shape == (40, predictions.shape[2])
    if predictions.shape[2] > 1:
        assert (pooled >= 0).all()
        assert_allclose(pooled.sum(axis=1), 1)
    else:
        assert (pooled <= predictions.max(axis=1) + 1e-12).all()
        assert (pooled >= predictions.min(axis=1) - 1e-12).all()


@_for_each_pooling
def check_pooler_reads_only_what_it_needs(pooler, predictions, gate_weights, scales):
    """Predictions that it did not ask for are never read."""
    needed = pooler.needs(gate_weights)
    assert needed.shape == gate_weights.shape
    assert needed.any(axis=1).all()
    sparse = np.where(needed[:, :, None], predictions, np.nan)
    assert_array_equal(
        pooler.pool(sparse, gate_weights, scales), pooler.pool(predictions, gate_weights, scales)
    )


@_for_each_pooling
def check_pooler_ignores_the_order_of_experts(pooler, predictions, gate_weights, scales):
    """Experts in another order pool alike."""
    order = [2, 0, 3, 1]
    permuted = pooler.pool(
        predictions[:, order], gate_weights[:, order], None if scales is None else scales[order]
    )
    assert_allclose(permuted, pooler.pool(predictions, gate_weights, scales), atol=1e-12)


POOLER_CHECKS = [
    check_pooler_keeps_unanimity,
    check_pooler_keeps_probabilities,
    check_pooler_reads_only_what_it_needs,
    check_pooler_ignores_the_order_of_experts,
]


def _mixture(trainer, task):
    kind = MoERegressor if task == "regression" else MoEClassifier
    experts = "linear" if trainer.default_experts is None else trainer.default_experts
    return kind(experts, n_experts=2, train=trainer, random_state=0)


def check_trainer_trains_mixtures(trainer):
    """It returns experts, a gate and a history for both tasks, and the mixture learns."""
    X = example_table(200)
    for task in ("regression", "classification"):
        y = example_target(X, task)
        moe = _mixture(clone(trainer), task).fit(X, y)
        assert len(moe.experts_) == moe.n_experts_
        assert moe.n_experts_ == 2 or trainer.default_experts  # it may fall back to one
        assert moe.history_.columns[0] == "log_likelihood"
        assert_allclose(moe.gate_weights(X).sum(axis=1), 1)
        assert moe.score(X, y) > 0.5


def check_trainer_is_seeded(trainer):
    """The same seed trains the same mixture."""
    X = example_table()
    y = example_target(X, "regression")
    one, two = (_mixture(clone(trainer), "regression").fit(X, y).predict(X) for _ in range(2))
    assert_allclose(one, two, rtol=1e-9)


def check_trainer_ignores_rows_of_no_weight(trainer):
    """A row of weight 0 is as if absent."""
    X = example_table()
    y = example_target(X, "regression")
    weight = (np.arange(len(X)) % 3 > 0).astype(float)
    weighted = _mixture(clone(trainer), "regression").fit(X, y, sample_weight=weight)
    without = _mixture(clone(trainer), "regression").fit(X[weight > 0], y[weight > 0])
    assert_allclose(weighted.predict(X), without.predict(X), rtol=1e-6)


TRAINER_CHECKS = [
    check_trainer_trains_mixtures,
    check_trainer_is_seeded,
    check_trainer_ignores_rows_of_no_weight,
]
