"""The laws of trainers."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone

from moe_lab.gate.base import as_gate
from moe_lab.mixture import MoEClassifier, MoERegressor
from moe_lab.pool.base import as_pooler
from moe_lab.testing.examples import example_table, example_target
from moe_lab.testing.saving import assert_same, loaded_again

if TYPE_CHECKING:
    from moe_lab.train.base import Trainer


def _mixture(trainer, task):
    kind = MoERegressor if task == "regression" else MoEClassifier
    experts = "linear" if trainer.default_experts is None else trainer.default_experts
    return kind(experts, n_experts=2, train=trainer, random_state=0)


def check_trainer_trains_mixtures(trainer: Trainer) -> None:
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


def check_trainer_is_seeded(trainer: Trainer) -> None:
    """The same seed trains the same mixture."""
    X = example_table()
    y = example_target(X, "regression")
    one, two = (_mixture(clone(trainer), "regression").fit(X, y).predict(X) for _ in range(2))
    assert_allclose(one, two, rtol=1e-9)


def check_trainer_ignores_rows_of_no_weight(trainer: Trainer) -> None:
    """A row of weight 0 is as if absent."""
    X = example_table()
    y = example_target(X, "regression")
    weight = (np.arange(len(X)) % 3 > 0).astype(float)
    weighted = _mixture(clone(trainer), "regression").fit(X, y, sample_weight=weight)
    without = _mixture(clone(trainer), "regression").fit(X[weight > 0], y[weight > 0])
    assert_allclose(weighted.predict(X), without.predict(X), rtol=1e-6)


def check_trainer_heeds_sample_weight(trainer: Trainer) -> None:
    """Of two contradictory halves the heavier one is learnt: its target, and how wide its noise
    is."""
    half = example_table(150)
    X = half.loc[half.index.repeat(2)].reset_index(drop=True)  # twins stand side by side
    weight, noise = np.tile([1.0, 0.05], 150), np.random.default_rng(5).normal(size=300)
    apart, wider = np.tile([0.0, 2.0], 150), np.tile([0.1, 1.0], 150) * noise
    means, widths = [], []
    for weights in (weight, weight[::-1]):
        moe = _mixture(clone(trainer), "regression")
        means.append(moe.fit(X, apart + 0.1 * noise, sample_weight=weights).predict(half).mean())
        of_noise = moe.fit(X, wider, sample_weight=weights).predict_distribution(half)
        widths.append(np.median(of_noise.std))
    assert means[0] < 0.6
    assert means[1] > 1.4
    assert widths[1] > 1.5 * widths[0]


def check_trainer_fits_parts_of_its_own(trainer: Trainer) -> None:
    """Gate and pooler that were passed stay as they were: one instance serves two mixtures."""
    X = example_table()
    y, pool = example_target(X, "regression"), as_pooler("linear", "regression")
    gate = as_gate("softmax" if trainer.default_experts is None else trainer.default_gate)
    given = pickle.dumps((gate, pool))
    one, two = (
        _mixture(clone(trainer), "regression").set_params(gate=gate, pool=pool).fit(X, y)
        for _ in range(2)
    )
    assert pickle.dumps((gate, pool)) == given
    assert len({id(pool), id(one.pooler_), id(two.pooler_)}) == 3
    assert len({id(gate), id(one.gate_), id(two.gate_)}) == 3
    assert_allclose(one.predict(X), two.predict(X), rtol=1e-9)


def check_trainer_saves(trainer: Trainer) -> None:
    """A mixture that it trained says the same after it was saved and loaded, to 1e-12."""
    X = example_table()
    for task in ("regression", "classification"):
        y = example_target(X, task)
        moe = _mixture(clone(trainer), task).fit(X, y)
        again = loaded_again(moe)
        assert_same(*(one.expert_predictions(X) for one in (moe, again)))
        assert_same(*(one.gate_weights(X) for one in (moe, again)))
        assert_same(*(one.score_samples(X, y) for one in (moe, again)))
        assert_same(moe.predict(X), again.predict(X))
        assert repr(again) == repr(moe)
        assert moe.history_.equals(again.history_)


TRAINER_CHECKS = [
    check_trainer_fits_parts_of_its_own,
    check_trainer_trains_mixtures,
    check_trainer_is_seeded,
    check_trainer_heeds_sample_weight,
    check_trainer_ignores_rows_of_no_weight,
    check_trainer_saves,
]
