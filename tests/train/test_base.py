"""What a trainer is asked: the meaning of "auto", in one place."""

import numpy as np
import pytest

from moe_lab import MoERegressor
from moe_lab.experts.pools import PRESETS, pool_of
from moe_lab.train import EM, Boosting, Gradient, OutOfFold
from moe_lab.train.base import Asked


@pytest.mark.parametrize(
    ("trainer", "asked"),
    [
        (EM(), Asked(pool_of("regression"), None, "softmax", "linear")),
        (Gradient(), Asked(Gradient.default_experts, 4, "mlp", "linear")),
        (Boosting(), Asked(Boosting.default_experts, 3, Boosting.default_gate, "linear")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_auto_means_to_a_trainer(trainer, asked):
    assert trainer.auto(Asked(), task="regression") == asked
    given = Asked(["linear"], None, "constant", "median")
    assert trainer.auto(given, task="regression") == given


PAIR = ["linear", "k_nearest"]


@pytest.mark.parametrize(
    ("asked", "divided", "gate", "pool"),
    [
        (Asked(PAIR), False, "anchored", "learned"),
        (Asked(PAIR, pool="linear"), False, "anchored", "linear"),
        (Asked(PAIR, pool="learned"), False, "anchored", "learned"),
        (Asked(["linear", "stacker"]), False, "anchored", "linear"),
        (Asked(PAIR), True, "softmax", "linear"),
        (Asked(PAIR, gate="mlp"), False, "mlp", "linear"),
        (Asked(PAIR, pool="median"), False, "softmax", "median"),
        (Asked(["linear"]), False, "softmax", "linear"),
        (Asked("linear", 3), False, "softmax", "linear"),
    ],
)
def test_out_of_fold_learns_the_pool_where_experts_differ_and_nothing_else_is_asked(
    asked, divided, gate, pool
):
    found = OutOfFold().auto(asked, task="regression", divided=divided)
    assert found == Asked(*asked[:2], gate, pool)


def test_a_time_limit_lets_tabm_join():
    found = OutOfFold().auto(Asked(), task="regression", divided=True, time_limit=60)
    assert "tabm" in found.experts


def test_a_number_of_listed_experts_is_checked_before_any_fit():
    moe = MoERegressor(["linear", "k_nearest"], n_experts=3)
    with pytest.raises(ValueError, match="n_experts must be None or the length of experts"):
        moe.fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "fats"}, "Unknown preset 'fats'. Did you mean 'fast'"),
        ({"preset": "best", "experts": ["linear"]}, "preset must be 'default' where the experts"),
        ({"preset": "fast", "train": "boosting"}, "preset must be 'default' where the experts"),
        ({"preset": "fats", "train": "boosting"}, "Unknown preset 'fats'. Did you mean 'fast'"),
    ],
)
def test_a_preset_is_a_choice_of_experts_and_known(settings, message):
    with pytest.raises(ValueError, match=message):
        MoERegressor(**settings).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])


def test_the_fast_preset_is_part_of_the_default_and_that_of_the_best():
    pools = [pool_of("regression", preset=preset) for preset in PRESETS]
    assert set(pools[0]) < set(pools[1]) < set(pools[2])
    X = np.random.default_rng(0).normal(size=(120, 2))
    moe = MoERegressor(preset="fast", random_state=0).fit(X, X[:, 0])
    assert set(moe.fit_report_["name"]) & set(pools[1]) <= set(pools[0])
