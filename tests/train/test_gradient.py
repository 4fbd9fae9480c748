"""train="gradient": torch experts and gate trained jointly."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from torch import nn

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.divide.base import Divider
from moe_lab.experts import ModuleExpert
from moe_lab.nn.tables.descent_run import Run
from moe_lab.registry import datasets, experts
from moe_lab.testing import example_table, example_target
from moe_lab.train import Gradient

SMALL = ("mlp", {"hidden": (16,), "n_bins": 0})


def mixture(task="regression", expert=SMALL, n_experts=2, divide=None, gate="auto", **settings):
    kind = MoERegressor if task == "regression" else MoEClassifier
    return kind(
        expert, n_experts, divide=divide, gate=gate, train=("gradient", settings), random_state=0
    )


def two_regimes(n_samples=600, random_state=0):
    """Two lines behind a jump: one expert each, if the gate finds the jump."""
    rng = np.random.default_rng(random_state)
    X = rng.uniform(-1, 1, size=(n_samples, 2))
    right = X[:, 0] > 0.2
    y = np.where(right, 3 - 4 * X[:, 1], 2 * X[:, 1]) + 0.1 * rng.standard_normal(n_samples)
    return X, y, right


def test_gate_and_experts_divide_regimes_between_them():
    X, y, right = two_regimes()
    moe = mixture(patience=20, learning_rate=5e-3).fit(X, y)
    trust = moe.gate_weights(X)[:, 0]
    assert_allclose(
        max(np.mean((trust > 0.5) == right), np.mean((trust < 0.5) == right)), 1, atol=0.03
    )
    assert moe.score(X, y) > 0.97
    assert_allclose(moe.scales_, 0.1, rtol=0.5)


def test_one_loss_is_the_mixture_likelihood_of_the_fitted_mixture():
    X, y, _ = two_regimes()
    moe = mixture(max_epochs=3).fit(X, y)
    log_gate, means = np.log(moe.gate_weights(X)), moe.expert_predictions(X)[:, :, 0]
    log_lik = -0.5 * ((y[:, None] - means) / moe.scales_) ** 2 - np.log(moe.scales_)
    expected = logsumexp(log_gate + log_lik - 0.5 * np.log(2 * np.pi), axis=1)
    assert_allclose(moe.score_samples(X, y), expected, rtol=1e-9)
    assert_allclose(moe.predict_distribution(X).log_pdf(y), expected, rtol=1e-6)


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("name", ["mlp", "sparse_moe", "tabm"])
def test_tables_with_categories_and_gaps_are_learnt_jointly(name, task):
    X = example_table(400)
    y = example_target(X, task)
    params = getattr(experts.get(name), "example_params", {"hidden": (32,)})
    moe = mixture(task, (name, params)).fit(X, y)
    assert moe.score(X, y) > 0.9
    new = X.assign(group="new", word=None, x0=np.nan)
    assert np.isfinite(
        moe.predict_proba(new) if task == "classification" else moe.predict(new)
    ).all()
    for ask in (moe.gate_weights, moe.expert_predictions):
        assert_allclose(ask(X.iloc[[3]]), ask(X)[[3]], rtol=1e-4, atol=1e-6)


def test_different_networks_read_the_table_each_in_its_own_way():
    X = example_table(400)
    y = example_target(X, "regression")
    pool = [
        SMALL,
        ("tabm", {"n_members": 4, "width": 32}),
        ("sparse_moe", {"n_experts": 4, "width": 16}),
    ]
    moe = mixture(expert=pool, n_experts=None, gate=("mlp", {"columns": ["x0"]})).fit(X, y)
    assert moe.score(X, y) > 0.9
    assert_allclose(moe.gate_weights(X.assign(x1=0.0, group="a")), moe.gate_weights(X))
    alone = [expert.predict(X) for expert in moe.experts_]
    assert_allclose(moe.expert_predictions(X)[:, :, 0], np.transpose(alone))


def test_individual_and_balancing_terms_do_what_they_are_for():
    X, y, _ = two_regimes()
    free, alike, even = (
        mixture(n_experts=3, max_epochs=30, **settings).fit(X, y)
        for settings in ({}, {"individual": 10.0}, {"balance": 10.0})
    )
    spread = [moe.expert_predictions(X)[:, :, 0].std(axis=1).mean() for moe in (free, alike)]
    assert spread[1] < 0.5 * spread[0]
    assert_allclose(even.gate_weights(X).mean(axis=0), 1 / 3, atol=0.05)
    assert np.abs(free.gate_weights(X).mean(axis=0) - 1 / 3).max() > 0.05


def test_a_divider_says_where_gate_and_experts_start():
    X, y, right = two_regimes()
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(side=np.where(right, "right", "left"))
    settings = {"divide_epochs": 20, "max_epochs": 1, "learning_rate": 5e-3}
    given = mixture(divide=("column", {"column": "side"}), **settings).fit(frame, y)
    trust = given.gate_weights(frame)
    own = np.where(right, trust[right].mean(0).argmax(), trust[~right].mean(0).argmax())
    assert len(set(own)) == 2
    assert trust[np.arange(len(y)), own].mean() > 0.9


def test_history_is_in_nats_of_the_training_rows_and_in_the_unit_of_y():
    X, y, _ = two_regimes()
    moe = mixture(max_epochs=15).fit(X, y)
    wide = mixture(max_epochs=15).fit(X, 1000 * y + 5, sample_weight=np.full(len(y), 2.0))
    last, of_wide = moe.history_.iloc[-1], wide.history_.iloc[-1]
    assert [*moe.history_.columns[:3]] == ["log_likelihood", "loss", "effective_size_0"]
    n_train = len(y) - int(0.15 * len(y))
    assert_allclose(last["effective_size_0"] + last["effective_size_1"], n_train, rtol=1e-5)
    expected = 2 * (last["log_likelihood"] - n_train * np.log(1000))
    assert_allclose(of_wide["log_likelihood"], expected, rtol=1e-3)
    assert_allclose(wide.scales_, 1000 * moe.scales_, rtol=1e-2)


def test_the_pooled_objective_has_a_density_around_its_mean():
    X, y, _ = two_regimes()
    moe = mixture(objective="pooled").fit(X, y)
    assert moe.score(X, y) > 0.95
    distribution = moe.predict_distribution(X)
    assert_allclose(distribution.mean, moe.predict(X), rtol=1e-6)
    low, high = distribution.interval(0.8).T
    assert_allclose(np.mean((y > low) & (y < high)), 0.8, atol=0.1)


def test_groups_are_held_out_together(monkeypatch):
    X, y, _ = two_regimes(300)
    held = []
    monkeypatch.setattr(
        Run,
        "go",
        lambda self, train, held_out: (
            held.append((train, held_out)) or self._epoch(train, held_out)
        ),
    )
    groups = np.repeat(np.arange(30), 10)
    mixture().fit(X, y, groups=groups)
    train, held_out = (groups[rows] for rows in held[0])
    assert not set(train) & set(held_out)
    assert len(held_out) == 40


def test_a_fit_is_seeded_and_pickles():
    X, y, _ = two_regimes(200)
    one, two = (mixture(max_epochs=3).fit(X, y) for _ in range(2))
    assert_array_equal(one.predict(X), two.predict(X))
    assert_array_equal(pickle.loads(pickle.dumps(one)).predict(X), one.predict(X))
    assert mixture(max_epochs=3).set_params(random_state=1).fit(X, y).predict(X[:1]) != one.predict(
        X[:1]
    )


def test_a_stopped_fit_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    X, y, _ = two_regimes(200)
    settings = {"max_epochs": 8, "checkpoint": tmp_path / "c.pt"}
    expected = mixture(max_epochs=8).fit(X, y)
    whole, calls = Run._descend, []

    def descend(self, order):
        calls.append(None)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return whole(self, order)

    monkeypatch.setattr(Run, "_descend", descend)
    with pytest.raises(KeyboardInterrupt):
        mixture(**settings).fit(X, y)
    again = mixture(**settings).fit(X, y)
    assert len(calls) == 5 + 4
    assert_array_equal(again.predict(X), expected.predict(X))
    pd.testing.assert_frame_equal(again.history_, expected.history_)
    with pytest.raises(ValueError, match="of others"):
        mixture(**settings, individual=0.5).fit(X, y)


@pytest.mark.parametrize(
    "changed",
    [{"divide": "random"}, {"divide": None}, {"min_scale": 0.5}, {"groups": np.arange(200) // 10}],
)
def test_a_checkpoint_of_another_start_or_of_other_held_out_rows_is_refused(tmp_path, changed):
    X, y, _ = two_regimes(200)
    settings = {"divide": "kmeans", "max_epochs": 2, "checkpoint": tmp_path / "c.pt"}
    first = mixture(**settings).fit(X, y)
    assert_array_equal(mixture(**settings).fit(X, y).predict(X), first.predict(X))
    groups = changed.pop("groups", None)
    with pytest.raises(ValueError, match="of others"):
        mixture(**settings | changed).fit(X, y, groups=groups)


def test_what_is_set_wrongly_is_refused_before_the_task_is_divided():
    class Never(Divider):
        def divide(self, X, y, **settings):
            raise AssertionError

    X, y, _ = two_regimes(60)
    with pytest.raises(ValueError, match="patience must be a whole number, 1 or more"):
        mixture(divide=Never(), patience=0).fit(X, y)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"objective": "pool"}, "objective must be one of likelihood, pooled, got 'pool'"),
        ({"individual": -1}, "individual must be at least 0, got individual=-1"),
        (
            {"expert": "lightgbm"},
            "experts that are networks, got .*lightgbm.*mlp, sparse_moe, tabm",
        ),
        ({"gate": "softmax"}, "gate that is a network, got SoftmaxGate.*: mlp; leave gate out"),
        ({"max_epochs": 0}, "max_epochs must be a whole number, 1 or more"),
    ],
)
def test_what_cannot_be_trained_by_gradient_is_refused(changed, message):
    X, y, _ = two_regimes(60)
    with pytest.raises(ValueError, match=f"(?is){message}"):
        mixture(**changed).fit(X, y)


def test_an_equal_size_ensemble_is_beaten_on_regimes():
    """The committed study has the figures; this is one split of it."""
    data = datasets.create("piecewise", n_samples=1500, random_state=0)
    X, y = data.X, np.asarray(data.y)
    name, params = SMALL
    alone = [
        experts.create(name, **params).build("regression", random_state=seed) for seed in range(6)
    ]
    ensemble = np.mean([net.fit(X[:1000], y[:1000]).predict(X[1000:]) for net in alone], axis=0)
    moe = mixture(n_experts=4).fit(X[:1000], y[:1000])
    ours, theirs = (np.mean((said - y[1000:]) ** 2) for said in (moe.predict(X[1000:]), ensemble))
    assert ours < 0.9**2 * theirs


def test_experts_that_share_a_module_are_refused():
    X, y, _ = two_regimes(60)
    shared = nn.Linear(2, 1)
    with pytest.raises(ValueError, match="parameters of its own.*a new Module each time"):
        mixture(expert=ModuleExpert(lambda n_inputs, n_outputs: shared)).fit(X, y)


def test_the_device_of_the_mixture_is_that_of_its_gate(monkeypatch):
    X, y, _ = two_regimes(60)
    monkeypatch.setattr("moe_lab.mixture.base.resolve_device", lambda device: "cpu")
    moe = MoERegressor(["linear", SMALL], gate="mlp", device="auto", random_state=0).fit(X, y)
    assert moe.gate_.device == "cpu"


def test_defaults_are_four_networks_and_a_network_gate():
    X, y, _ = two_regimes(200)
    moe = MoERegressor(train=Gradient(max_epochs=2), random_state=0).fit(X, y)
    assert moe.expert_names_ == ["mlp"] * 4
    assert type(moe.gate_).__name__ == "MLPGate"
