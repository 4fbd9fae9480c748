"""Networks as experts: early stopping, seeds, categories, modules of the caller's own."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from torch import nn

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts import ModuleExpert
from moe_lab.experts.names import label
from moe_lab.experts.spec import as_expert
from moe_lab.nn.tables.descent_run import Run
from moe_lab.registry import experts
from moe_lab.testing import EXPERT_CHECKS


class Tanh(nn.Sequential):
    """One hidden layer."""

    def __init__(self, n_inputs, n_outputs, hidden=16):
        super().__init__(nn.Linear(n_inputs, hidden), nn.Tanh(), nn.Linear(hidden, n_outputs))


class Penalised(Tanh):
    """The same, with a loss of its own."""

    def forward(self, x):
        y = super().forward(x)
        return y, 1e3 * y.square().mean()


class Unreduced(Tanh):
    """The same, with a loss for each row."""

    def forward(self, x):
        y = super().forward(x)
        return y, y.square()


def net(task, seed=0, name="mlp", **params):
    return experts.create(name, **params).build(task, random_state=seed)


def wave(n_samples=400):
    X = np.random.default_rng(0).uniform(-2, 2, size=(n_samples, 1))
    return X, np.sin(3 * X[:, 0])


def test_mlp_learns_a_wave():
    X, y = wave()
    model = net("regression").fit(X, 1e6 * y + 1e9)
    assert np.std(model.predict(X) - 1e9 - 1e6 * y) < 0.1 * 1e6 * y.std()


def test_mlp_learns_two_spirals_of_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, 4)
    model = net("classification").fit(X, y)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert np.mean(model.predict(X) == y) > 0.9


def test_mlp_heeds_fractional_weights():
    X = np.zeros((100, 1))
    y = np.repeat([0, 1], 50)
    weight = np.repeat([0.02, 0.08], 50)
    model = net("classification", max_epochs=60).fit(X, y, sample_weight=weight)
    assert_allclose(model.predict_proba(X[:1]), [[0.2, 0.8]], atol=0.1)


def test_mlp_is_seeded_and_leaves_torch_alone():
    import torch

    X, y = wave(60)
    before, n_threads = torch.get_rng_state(), torch.get_num_threads()
    first, again, other = (
        net("regression", seed, max_epochs=3).fit(X, y).predict(X) for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == n_threads


def test_mlp_keeps_its_best_epoch():
    X, y = wave(200)
    noisy = y + np.random.default_rng(1).normal(size=200)
    model = net("regression", learning_rate=0.03, max_epochs=40, patience=5)
    model.fit(X, noisy)
    assert model.best_epoch_ == int(np.argmin([row["held_out"] for row in model.history_]))
    assert len(model.history_) == model.best_epoch_ + 6
    only = net("regression", learning_rate=0.03, max_epochs=model.best_epoch_ + 1)
    assert_allclose(only.fit(X, noisy).predict(X), model.predict(X), rtol=1e-5)


def test_mlp_pickles_its_weights_on_the_cpu():
    X, y = wave(40)
    model = net("regression", max_epochs=2).fit(X, y)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.predict(X), model.predict(X))
    assert {parameter.device.type for parameter in copied.net_.parameters()} == {"cpu"}


def interrupt_in_epoch(monkeypatch, number):
    whole, calls = Run._descend, []

    def one_epoch(self, *args):
        calls.append(None)
        if len(calls) == number:
            raise KeyboardInterrupt
        return whole(self, *args)

    monkeypatch.setattr(Run, "_descend", one_epoch)


def test_ctrl_c_under_the_progress_bar_keeps_the_best_weights(monkeypatch, capsys):
    X, y = wave(60)
    interrupt_in_epoch(monkeypatch, 4)
    model = net("regression", verbose=1)
    with pytest.warns(ConvergenceWarning, match="interrupted in epoch 4 of 100"):
        model.fit(X, y)
    assert len(model.history_) == 3
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(("verbose", "epoch"), [(0, 4), (1, 1)])
def test_ctrl_c_without_a_bar_or_a_finished_epoch_goes_through(monkeypatch, verbose, epoch):
    X, y = wave(60)
    interrupt_in_epoch(monkeypatch, epoch)
    with pytest.raises(KeyboardInterrupt):
        net("regression", verbose=verbose).fit(X, y)


@pytest.mark.parametrize("name", ["mlp", "sparse_moe"])
def test_categories_are_embedded_and_new_levels_count_as_missing(name):
    rng = np.random.default_rng(0)
    means = pd.Series(rng.normal(size=30), index=[f"level {k}" for k in range(30)])
    X = pd.DataFrame({"level": rng.choice(means.index, 1500), "x": rng.normal(size=1500)})
    model = net("regression", name=name).fit(X, means[X["level"]].to_numpy())
    assert model.score(X, means[X["level"]]) > 0.98
    new, missing = (model.predict(X.assign(level=value)) for value in ("level 99", None))
    assert_array_equal(new, missing)


def test_pieces_of_numbers_catch_a_jump_that_plain_numbers_blur():
    X = np.random.default_rng(0).uniform(size=(600, 1))
    y = np.floor(16 * X[:, 0]) % 2
    blurred, caught = (net("regression", n_bins=bins).fit(X, y).score(X, y) for bins in (0, 48))
    assert caught > 0.8 > blurred


def test_pieces_of_numbers_do_not_run_away_beyond_their_ends():
    X = np.r_[np.linspace(0, 1, 300), [1.0001]][:, None]  # its last piece is short
    model = net("regression", n_bins=24, max_epochs=30).fit(X, X[:, 0] + 5 * (X[:, 0] > 1))
    assert_allclose(model.predict([[1e3]]), model.predict([[1.0001]]), rtol=1e-5)
    assert_allclose(model.predict([[-1e3]]), model.predict([[0.0]]), rtol=1e-5, atol=1e-6)


def test_sparse_moe_adds_its_balancing_loss():
    X, y = wave(300)
    free, bound = (
        net("regression", name="sparse_moe", max_epochs=8, balance=balance).fit(X, y)
        for balance in (0.0, 3.0)
    )
    assert np.isfinite(free.predict(X)).all()
    assert bound.history_[0]["loss"] > 0
    assert np.abs(free.predict(X) - bound.predict(X)).max() > 1e-4


@pytest.mark.parametrize("check", EXPERT_CHECKS, ids=lambda check: check.__name__)
def test_a_module_of_ones_own_keeps_the_laws(check):
    check(ModuleExpert(Tanh, {"hidden": 32}))


def test_the_class_of_a_module_is_an_expert_as_it_stands():
    X, y = wave()
    moe = MoERegressor(Tanh, n_experts=2, train="gradient", random_state=0).fit(X, y)
    assert moe.expert_names_ == ["Tanh", "Tanh"]
    assert moe.score(X, y) > 0.8
    alone = MoEClassifier([Tanh, "linear"], random_state=0).fit(X, y > 0)
    assert alone.score(X, y > 0) > 0.8


def test_a_module_can_be_registered_in_one_line():
    experts.register("tanh_of_tests", module=Tanh)
    expert = experts.create("tanh_of_tests", max_epochs=3)
    assert (expert.make, expert.max_epochs) == (Tanh, 3)
    assert experts.card("tanh_of_tests").summary == "One hidden layer."
    experts._forget(__name__)


def test_a_loss_that_a_module_returns_is_minimised():
    X, y = wave()
    free, penalised = (
        as_expert(make).build("regression", random_state=0).fit(X, y).predict(X)
        for make in (Tanh, Penalised)
    )
    assert free.std() > 0.5
    assert penalised.std() < 0.1


def test_a_module_instance_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match="got an instance of Tanh. Pass the class"):
        as_expert(Tanh(2, 1))


def test_a_module_of_wrong_width_says_what_it_must_return():
    class Wrong(Tanh):
        def __init__(self, n_inputs, n_outputs):
            super().__init__(n_inputs, n_outputs + 1)

    X, y = wave(40)
    with pytest.raises(ValueError, match=r"must return \(n_samples, 1\).* got \(\d+, 2\)"):
        as_expert(Wrong).build("regression").fit(X, y)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (Tanh(2, 1), TypeError, "make must be the class of a torch Module.*got Tanh"),
        (lambda *sizes: sizes, TypeError, r"that made \(1, 1\)"),
        (Unreduced, ValueError, r"loss that a module returns must be one number, got shape \(2,"),
    ],
)
def test_what_makes_no_expert_says_why(make, error, message):
    X, y = wave(40)
    with pytest.raises(error, match=f"(?s){message}"):
        ModuleExpert(make).build("regression").fit(X, y)


def test_networks_are_float32_whatever_torchs_default_is():
    import torch

    X, y = wave(40)
    torch.set_default_dtype(torch.float64)
    try:
        moe = MoERegressor(train=("gradient", {"max_epochs": 2}), random_state=0).fit(X, y)
        assert {one.dtype for one in moe.gate_.net_.parameters()} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.filterwarnings("error")
def test_a_column_of_zeros_but_for_a_few_rows_is_embedded_in_silence():
    X, y = wave()
    X[3:] = 0.0
    assert np.isfinite(net("regression", max_epochs=2).fit(X, y).predict(X)).all()


@pytest.mark.filterwarnings("error")
def test_numbers_far_out_of_what_was_trained_on_are_answered():
    X, y = wave()
    moe = MoERegressor(train=("gradient", {"max_epochs": 2}), random_state=0).fit(X, y)
    far = np.array([[-1e60], [1e60]])
    assert np.isfinite(moe.predict(far)).all()
    assert_allclose(moe.gate_weights(far).sum(axis=1), 1)


def test_an_unfitted_classifier_says_so():
    with pytest.raises(NotFittedError):
        net("classification").predict([[0.0]])


def test_a_module_is_known_by_its_class():
    assert label(as_expert(Tanh)) == "Tanh"
