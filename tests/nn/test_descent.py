"""Gradient descent on a table: schedules, stopping, mixed precision, checkpoints that resume."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from moe_lab.nn import SparseMoE
from moe_lab.nn.tables.descent import Descent, Terms
from moe_lab.nn.tables.descent_run import Run, seeded
from moe_lab.table.folds import held_out_rows

TRAIN, HELD_OUT = np.arange(160), np.arange(160, 200)


class Squares:
    """Squared error, and the sum of the targets as what is watched."""

    def __call__(self, answer, y):
        loss = (answer.float().squeeze(1) - y).square()
        return Terms(loss, loss, 0.0, {"targets": y})

    def __repr__(self):
        return "Squares()"


def problem(n_samples=200):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n_samples, 3, generator=generator)
    y = X[:, 0] * X[:, 1] + 0.1 * torch.randn(n_samples, generator=generator)
    return X, y, torch.linspace(0.5, 1.5, n_samples)


def make_net():
    with seeded(0, "cpu"):
        return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))


def descend(net, data=None, seed=0, of=(), **settings):
    data = problem() if data is None else data
    rows = {"train": TRAIN, "held_out": HELD_OUT}
    return Descent(**settings).run(net, data, Squares(), **rows, seed=seed, of=of)


def weights(net):
    return {name: one.numpy().copy() for name, one in net.state_dict().items()}


def test_history_holds_what_was_trained_on_and_stopped_by():
    X, y, weight = problem()
    net = make_net()
    history = descend(net, max_epochs=5)
    assert [*history[0]] == ["loss", "targets", "held_out", "learning_rate"]
    assert len(history) == 5
    assert_allclose(history[3]["targets"], (weight * y)[:160].sum(), rtol=1e-4)
    best = min(row["held_out"] for row in history)
    with torch.no_grad():
        errors = (net(X[160:]).squeeze(1) - y[160:]).square()
    assert_allclose((weight[160:] * errors).sum() / weight[160:].sum(), best, rtol=1e-5)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.1] * 6),
        ("cosine", [0.1, 0.0933, 0.075, 0.05, 0.025, 0.0067]),
        ("plateau", [0.1, 0.1, 0.1, 0.1, 0.03, 0.03]),
    ],
)
def test_schedules(schedule, rates, monkeypatch):
    monkeypatch.setattr(Run, "_score", lambda self, rows: 1.0)  # it stalls at once
    settings = {"learning_rate": 0.1, "max_epochs": 6, "patience": 5}
    history = descend(make_net(), schedule=schedule, **settings)
    got = [row["learning_rate"] for row in history]
    assert_allclose(got, rates, atol=1e-4)


def test_training_stops_after_patience_epochs_without_gain(monkeypatch):
    scores = iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.0])
    monkeypatch.setattr(Run, "_score", lambda self, rows: next(scores))
    assert len(descend(make_net(), patience=3)) == 5


def test_a_step_takes_all_rows_once_an_epoch(monkeypatch):
    whole, seen = Run._terms, []

    def terms(self, rows):
        seen.append(rows.tolist())
        return whole(self, rows)

    monkeypatch.setattr(Run, "_terms", terms)
    descend(make_net(), max_epochs=1, batch_size=50)
    *batches, held_out = seen
    assert [len(rows) for rows in batches] == [40, 40, 40, 40]
    assert sorted(np.concatenate(batches)) == TRAIN.tolist()
    assert held_out == HELD_OUT.tolist()


def test_torch_is_left_as_it_was():
    before = torch.get_rng_state()
    descend(make_net(), max_epochs=2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("hidden", "expected"), [(16, 1), (2_000_000, 2)])
def test_small_steps_take_one_thread_and_leave_the_setting(hidden, expected):
    before, seen = torch.get_num_threads(), set()
    net = nn.Sequential(nn.Linear(3, 1), nn.Embedding(1, hidden))
    net.forward = lambda X: (seen.add(torch.get_num_threads()), net[0](X))[1]
    torch.set_num_threads(2)
    try:
        descend(net, max_epochs=1, batch_size=32)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {expected}


def test_bfloat16_computes_in_it_and_learns_as_well():
    dtypes = []
    net = make_net()
    net[0].register_forward_hook(lambda module, args, y: dtypes.append(y.dtype))
    half = descend(net, precision="bfloat16", max_epochs=30)
    full = descend(make_net(), max_epochs=30)
    assert set(dtypes) == {torch.bfloat16}
    assert {one.dtype for one in net.parameters()} == {torch.float32}
    assert_allclose(half[-1]["held_out"], full[-1]["held_out"], rtol=0.1)


class Stop(Exception):
    pass


def stop_in_epoch(monkeypatch, number):
    whole, calls = Run._descend, []

    def descend(self, order):
        calls.append(None)
        if len(calls) == number:
            raise Stop
        return whole(self, order)

    monkeypatch.setattr(Run, "_descend", descend)


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch, schedule):
    settings = {"max_epochs": 12, "schedule": schedule, "patience": 4, "learning_rate": 0.02}
    whole = make_net()
    expected = descend(whole, **settings)
    path = tmp_path / "run" / "checkpoint.pt"
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 6)
        with pytest.raises(Stop):
            descend(make_net(), checkpoint=path, **settings)
    net = make_net()
    steps = []
    monkeypatch.setattr(Run, "_descend", _counted(Run._descend, steps))
    assert descend(net, checkpoint=path, **settings) == expected
    assert len(steps) == len(expected) - 5
    for name, one in weights(net).items():
        assert_array_equal(one, weights(whole)[name])
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def _counted(function, calls):
    def counted(*args):
        calls.append(None)
        return function(*args)

    return counted


def test_a_finished_run_is_not_trained_again_but_can_be_trained_longer(tmp_path, monkeypatch):
    settings = {"checkpoint": tmp_path / "c.pt", "patience": 100}
    first = descend(make_net(), max_epochs=3, **settings)
    steps = []
    monkeypatch.setattr(Run, "_descend", _counted(Run._descend, steps))
    assert descend(make_net(), max_epochs=3, **settings) == first
    assert steps == []
    longer = descend(make_net(), max_epochs=5, **settings)
    assert (longer[:3], len(longer), len(steps)) == (first, 5, 2)


@pytest.mark.parametrize(
    "change", ["data", "seed", "learning_rate", "net", "max_epochs", "dropout", "activation", "of"]
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change):
    settings = {"checkpoint": tmp_path / "c.pt", "max_epochs": 2, "schedule": "cosine"}
    descend(make_net(), **settings)
    data, net, seed = problem(), make_net(), 0
    if change == "data":
        data[1][0] += 1
    elif change == "net":
        net.append(nn.Linear(1, 1))
    elif change == "activation":
        net[1] = nn.Tanh()
    elif change == "dropout":
        net[2].p = 0.2
    elif change == "seed":
        seed = 1
    elif change == "of":
        settings |= {"of": ["another start"]}
    else:
        settings |= {change: {"learning_rate": 0.5, "max_epochs": 3}[change]}
    with pytest.raises(ValueError, match=r"same settings and data, .*got '.*c.pt' of others"):
        descend(net, data, seed, **settings)


def test_a_file_that_is_no_checkpoint_is_refused_and_nothing_in_it_runs(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").write_text, ("",))

    path = tmp_path / "c.pt"
    torch.save({"of": Malicious()}, path)
    with pytest.raises(ValueError, match="must name a file that training wrote"):
        descend(make_net(), checkpoint=path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="must name a file that training wrote"):
        descend(make_net(), checkpoint=path)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_that_cannot_be_written_says_so(tmp_path):
    tmp_path.joinpath("file").write_text("")
    with pytest.raises(ValueError, match="must name a file that can be written, got '.*c.pt'"):
        descend(make_net(), checkpoint=tmp_path / "file" / "c.pt", max_epochs=1)


def test_a_loss_that_diverges_keeps_the_best_weights_and_says_so(monkeypatch):
    scores = iter([2.0, 1.0, float("nan")])
    monkeypatch.setattr(Run, "_score", lambda self, rows: next(scores))
    with pytest.warns(ConvergenceWarning, match="not finite in epoch 3; the weights of epoch 2"):
        assert len(descend(make_net())) == 3


def test_a_loss_that_was_never_finite_is_an_error():
    X, y, weight = problem()
    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        descend(make_net(), (X, y * float("nan"), weight), max_epochs=3)


def test_balancing_biases_move_with_every_step():
    with seeded(0, "cpu"):
        layer = SparseMoE(3, 4, 8, bias_rate=0.1, losses={})

    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = copy.deepcopy(layer)

        def forward(self, X):
            return self.layer(X)[0].narrow(1, 0, 1)

    net = First()
    descend(net, max_epochs=2)
    assert net.layer.gate.linear.load_bias.steps.any()
    assert not net.layer.gate.linear.load_bias.load_since.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be a whole number, 1 or more, got max_epochs=0"),
        ({"patience": 0}, "patience must be a whole number, 1 or more"),
        ({"batch_size": 0}, "batch_size must be a whole number, 1 or more"),
        ({"learning_rate": 0}, "learning_rate must be positive, got learning_rate=0"),
        ({"weight_decay": -1}, "weight_decay must be at least 0, got weight_decay=-1"),
        ({"max_epochs": 1.5}, "max_epochs must be a whole number"),
        ({"learning_rate": "a"}, "learning_rate must be positive, got learning_rate='a'"),
        ({"schedule": "cosin"}, "schedule must be one of constant, cosine, plateau, got 'cosin'"),
        ({"precision": "half"}, "precision must be one of bfloat16, float16, float32, got 'half'"),
        ({"precision": "float16"}, "precision must be 'bfloat16' or 'float32' on a CPU"),
    ],
)
def test_bad_settings_say_what_is_right(settings, message):
    with pytest.raises(ValueError, match=message):
        descend(make_net(), **settings)


def test_held_out_rows_are_whole_groups():
    groups = np.repeat(np.arange(20), 10)
    train, held_out = held_out_rows(200, np.random.RandomState(0), groups)
    assert len(train) + len(held_out) == 200
    assert len(held_out) == 30
    assert not set(groups[train]) & set(groups[held_out])


def test_few_rows_all_train_and_all_stop():
    train, held_out = held_out_rows(30, np.random.RandomState(0))
    assert len(train) == len(held_out) == 30


def test_a_cpu_seed_is_that_of_torch_and_touches_no_card(monkeypatch):
    expected = torch.rand(3, generator=torch.Generator().manual_seed(7))
    monkeypatch.setattr(torch.cuda, "manual_seed_all", None)  # whoever calls it fails
    before = torch.get_rng_state()
    with seeded(7, "cpu"):
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.get_rng_state(), before)
