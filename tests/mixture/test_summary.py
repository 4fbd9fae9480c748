"""What a fitted mixture says of itself in a few lines."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, RegressorMixin

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts.pools import Place
from moe_lab.registry import experts
from moe_lab.testing import example_table, example_target

POOL = ["linear", ("extra_trees", {"n_estimators": 20})]


class Noise(RegressorMixin, BaseEstimator):
    def fit(self, X, y, sample_weight=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.random.default_rng(len(X)).normal(0, 100, size=len(X))


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_it_tells_weights_losses_and_seconds_of_each_expert(task):
    X = example_table(150)
    y = example_target(X, task)
    kind = MoERegressor if task == "regression" else MoEClassifier
    moe = kind(POOL, random_state=0).fit(X, y)
    summary = moe.summary()
    assert summary.table.index.tolist() == ["linear", "extra_trees"]
    weights = moe.gate_weights(X).mean(axis=0)
    assert_allclose(summary.table["weight"], weights, atol=0.2)  # those of the rows out of fold
    assert (summary.table["seconds"] > 0).all()
    best = summary.table["loss"].idxmin()
    text = str(summary)
    assert f"the best expert, {best}, {summary.table['loss'].min():.4g}" in text
    assert "constant weights" in text
    assert "(fitted to these rows)" in text
    alike = "The gate's weights are the same everywhere" in text
    assert alike == (task == "classification")
    assert len(text.splitlines()) <= 12
    assert "extra_trees" in summary._repr_html_()


def test_without_trees_the_correction_has_no_share():
    X = example_table(150)
    y = example_target(X, "regression")
    bare = MoERegressor(POOL, pool=("learned", {"n_estimators": 0}), random_state=0).fit(X, y)
    assert bare.account_.correction == 0
    assert "correction" not in str(bare.summary())
    full = MoERegressor(POOL, random_state=0).fit(X, y)
    assert 0 < full.account_.correction < 1
    assert f"The correction is {full.account_.correction:.1%}" in str(full.summary())


def test_it_says_who_was_dropped_and_why(monkeypatch):
    places = [Place(name) for name in ("linear", "extra_trees", "noise")]
    monkeypatch.setattr("moe_lab.experts.pools.TABLE", places)
    experts.register("noise", regressor=Noise)
    try:
        X = example_table(150)
        y = example_target(X, "regression")
        moe = MoERegressor(random_state=0).fit(X, y)
    finally:
        experts._entries.pop("noise")
    assert re.search(
        r"Without .*Noise: had less than 1% of the weight of a stack\.", str(moe.summary())
    )


def test_other_trainers_tell_what_they_know():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(200, 1))
    y = np.abs(X[:, 0]) + 0.05 * rng.normal(size=200)
    moe = MoERegressor("linear", 2, train="em", random_state=0).fit(X, y)
    text = str(moe.summary())
    assert text.startswith("2 experts, gate SoftmaxGate, pool LinearPooler, trained by em.")
    assert f"{moe.history_['log_likelihood'].iloc[-1]:.5g} nats" in text
