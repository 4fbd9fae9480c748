"""What SparseMoE and HierarchicalMoE promise: right answers, any shape, no batch-mates."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from moe_lab.nn import HierarchicalMoE, SparseMoE, chosen, groups
from moe_lab.nn.choice import top

KINDS = {
    "flat": lambda **options: SparseMoE(8, 6, 16, **options),
    "hierarchical": lambda **options: HierarchicalMoE(8, (2, 3), 16, **options),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def by_hand(layer, x, routing):
    """Ask every expert for every row; then weigh by the routing."""
    own = layer.experts
    hidden = torch.einsum("nd,edh->neh", x, own.w1)
    hidden = own.activation(hidden if own.b1 is None else hidden + own.b1)
    if own.w_gated is not None:
        hidden = hidden * torch.einsum("nd,edh->neh", x, own.w_gated)
    answers = torch.einsum("neh,eho->neo", hidden, own.w2)
    answers = answers if own.b2 is None else answers + own.b2
    zeros = torch.zeros(answers.shape[:2], dtype=x.dtype)
    dense = zeros.scatter_add(1, routing.experts, routing.gate_weights)  # (n, e)
    return (answers * dense.unsqueeze(-1)).sum(1)


def gradients(y, layer, x):
    weights = [one for name, one in layer.named_parameters() if "noise" not in name]
    target = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    return torch.autograd.grad((y * target).sum(), [x, *weights], retain_graph=True)


OPTIONS = {
    "default": {},
    "gelu": {"activation": "gelu", "bias": True},
    "gated": {"activation": "silu", "gated": True, "bias": True},
    "function": {"activation": lambda x: x.sin()},
    "recompute": {"recompute": True, "bias": True},
    "recompute gated": {"recompute": True, "gated": True, "activation": "tanh"},
    "learnt activation": {"activation": nn.PReLU()},
    "no loss": {"losses": {}},
    "one": {"top_k": 1},
    "three": {"top_k": 3},
    "none": {"second_policy": "none"},
    "threshold": {"second_policy": "threshold", "second_threshold": 0.4},
    "capacity": {"capacity_factor": 0.6},
    "soft": {"top_k": None},
    "bias_rate": {"bias_rate": 0.1},
}


@every_kind
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_output_and_gradients_are_those_of_the_weighted_sum(make, options):
    if make is KINDS["hierarchical"] and options.get("top_k") == 3:
        options = {"top_k": (2, 3)}
    torch.manual_seed(0)
    layer = make(**options).double()
    x = torch.randn(40, 8, dtype=torch.float64, requires_grad=True)
    y, routing = layer(x)
    expected = by_hand(layer, x, routing)
    torch.testing.assert_close(y, expected)
    for got, one in zip(gradients(y, layer, x), gradients(expected, layer, x), strict=True):
        torch.testing.assert_close(got, one)
    assert routing.load.sum() == (routing.gate_weights > 0).sum()


@every_kind
@pytest.mark.parametrize("losses", [{}, {"switch": 0.01}], ids=["no loss", "switch"])
def test_weights_are_a_softmax_over_the_chosen_and_sum_to_one(make, losses):
    _, routing = make(losses=losses)(torch.randn(30, 8))
    torch.testing.assert_close(routing.gate_weights.sum(-1), torch.ones(30))
    assert len(set(routing.experts[0].tolist())) == routing.experts.shape[1]


GATES = {
    "no loss": {"losses": {}},
    "switch": {},
    "all": {"losses": {"gshard": 0.3, "switch": 0.2, "z": 0.1}},
    "z": {"losses": {"z": 1.0}},
    "one": {"losses": {}, "top_k": 1},
    "one, all": {"losses": {"gshard": 0.3, "switch": 0.2, "z": 0.1}, "top_k": 1},
    "three": {"losses": {"switch": 0.2}, "top_k": 3},
    "five": {"losses": {"switch": 0.2}, "top_k": 5},
}


@pytest.mark.parametrize("options", GATES.values(), ids=GATES)
@pytest.mark.parametrize(("n_experts", "block"), [(6, 2**17), (6, 300), (80, 2**17), (80, 800)])
def test_the_gate_by_blocks_is_the_gate_by_autograd(options, n_experts, block, monkeypatch):
    torch.manual_seed(0)
    layer = SparseMoE(8, n_experts, 16, **options).double()
    x = torch.randn(200, 8, dtype=torch.float64, requires_grad=True)
    monkeypatch.setattr(chosen, "_BLOCK", block)

    def results(plain):
        monkeypatch.setattr(type(layer.gate), "_is_plain", lambda *_: plain)
        choice = layer.gate(x)
        target = torch.linspace(-1, 1, choice.gate_weights.numel(), dtype=torch.float64)
        total = (choice.gate_weights.flatten() * target).sum() + choice.loss
        grads = torch.autograd.grad(total, [x, layer.gate.linear.weight])
        return [choice.experts, choice.gate_weights, choice.loss, *grads]

    for one, other in zip(results(True), results(False), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_of_equal_logits_the_first_experts_are_chosen():
    for n_experts in (6, 3000):  # by one maximum after the other, and by many at once
        logits = torch.zeros(10, n_experts)
        assert top(logits, 3)[1].tolist() == [[0, 1, 2]] * 10
        assert not logits.any()  # as it was


@pytest.mark.parametrize("cache", [1, 400, 2**17])
def test_experts_by_groups_of_any_size_are_the_weighted_sum(cache, monkeypatch):
    monkeypatch.setattr(groups, "_CACHE", cache)
    torch.manual_seed(0)
    layer = SparseMoE(8, 6, 16, bias=True, gated=True, capacity_factor=0.6).double()
    x = torch.randn(40, 8, dtype=torch.float64, requires_grad=True)
    y, routing = layer(x)
    expected = by_hand(layer, x, routing)
    for got, one in zip(gradients(y, layer, x), gradients(expected, layer, x), strict=True):
        torch.testing.assert_close(got, one)


@every_kind
def test_one_choice_has_its_probability_and_the_gate_learns(make):
    layer = make(top_k=1, losses={})
    y, routing = layer(torch.randn(30, 8))
    assert (routing.gate_weights < 1).all()
    y.square().sum().backward()
    for name, one in layer.gate.named_parameters():
        assert one.grad.abs().max() > 0, name


@pytest.mark.parametrize("policy", ["threshold", "random"])
def test_a_second_that_is_turned_away_leaves_its_weight_to_the_first(policy):
    torch.manual_seed(0)
    layer = SparseMoE(8, 4, 16, second_policy=policy, second_threshold=0.4)
    _, routing = layer(torch.randn(200, 8))
    first, second = routing.gate_weights.unbind(-1)
    away = second == 0
    assert 10 < away.sum() < 190
    torch.testing.assert_close(first[away], torch.ones(int(away.sum())))
    torch.testing.assert_close(first + second, torch.ones(200))
    assert ((second > 0.4) | away).all() or policy == "random"


@every_kind
@pytest.mark.parametrize(
    "options",
    [{"noisy": True}, {"second_policy": "random"}, {"dropout": 0.5}, {"capacity_factor": 0.3}],
    ids=lambda options: next(iter(options)),
)
def test_eval_is_repeatable_and_ignores_batch_mates(make, options):
    layer, x = make(**options).double(), torch.randn(50, 8).double()
    assert not torch.equal(layer(x)[0], make(**options).double()(x)[0])
    layer.eval()
    with torch.no_grad():
        together = layer(x)[0]
        assert torch.equal(together, layer(x)[0])
        alone = torch.cat([layer(row)[0] for row in x.split(1)])
    torch.testing.assert_close(together, alone)


@every_kind
def test_training_is_random_only_where_asked(make):
    x = torch.randn(50, 8)
    for options, same in (({}, True), ({"noisy": True}, False), ({"dropout": 0.5}, False)):
        layer = make(**options)
        assert torch.equal(layer(x)[0], layer(x)[0]) == same


@every_kind
@pytest.mark.parametrize("shape", [(8,), (5, 8), (2, 3, 8), (2, 1, 3, 4, 8), (0, 8), (2, 0, 8)])
@pytest.mark.parametrize("top_k", [1, 2, None])
def test_any_shape_comes_back(make, shape, top_k):
    layer = make(top_k=top_k)
    x = torch.randn(shape, requires_grad=True)
    y, routing = layer(x)
    assert y.shape == shape
    assert (
        routing.experts.shape
        == routing.gate_weights.shape
        == (*shape[:-1], routing.experts.shape[-1])
    )
    (y.sum() + routing.loss).backward()
    assert x.grad.shape == shape
    assert routing.loss.isfinite()
    assert routing.dropped == 0


def test_an_empty_batch_has_gradients_of_zero():
    for options in ({}, {"noisy": True}, {"compat": "mixture-of-experts"}, {"bias_rate": 0.1}):
        layer = SparseMoE(8, 4, 16, **options)
        y, routing = layer(torch.randn(3, 0, 8))
        (y.sum() + routing.loss).backward()
        assert all(one.grad is None or not one.grad.any() for one in layer.parameters())


@every_kind
def test_a_row_of_nan_leaves_the_others_alone(make):
    layer, x = make(), torch.randn(20, 8)
    expected = layer(x)[0]
    x[3] = torch.nan
    y, _ = layer(x)
    assert y[3].isnan().all()
    rest = torch.arange(20) != 3
    torch.testing.assert_close(y[rest], expected[rest])


def test_all_rows_to_one_expert():
    layer = SparseMoE(8, 4, 16, top_k=1)
    with torch.no_grad():
        layer.gate.linear.weight.zero_()[:, 2] = 1.0
    x = torch.rand(30, 8)
    y, routing = layer(x)
    assert routing.load.tolist() == [0, 0, 30, 0]
    torch.testing.assert_close(y, by_hand(layer, x, routing))
    y.sum().backward()
    assert layer.experts.w1.grad[2].any()
    assert not layer.experts.w1.grad[[0, 1, 3]].any()


def test_capacity_keeps_firsts_before_seconds_and_reports_what_it_drops():
    layer = SparseMoE(2, 2, 4, capacity_factor=1.0)
    with torch.no_grad():
        layer.gate.linear.weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 0.0]]))
    x = torch.tensor([[1.0, 0.0]] * 3 + [[-1.0, 0.0]])  # firsts: 0, 0, 0, 1; room for 4 each
    _, routing = layer(x)
    assert routing.load.tolist() == [4, 4]
    assert routing.dropped == 0
    layer.gate.settings = layer.gate.settings._replace(
        train=layer.gate.settings.train._replace(capacity_factor=0.5)
    )
    _, routing = layer(x)  # room for 2 each
    assert float(routing.dropped) == pytest.approx(0.5)
    assert (routing.gate_weights > 0).tolist() == [
        [True, True],  # first in 0; a second in 1, behind the first of row 3
        [True, False],
        [False, False],
        [True, False],
    ]


def test_deeper_hierarchies_nest_layers():
    inner = [SparseMoE(8, 3, 16, losses={"switch": 1.0}) for _ in range(2)]
    layer = SparseMoE(8, 2, experts=inner, losses={"z": 1.0})
    x = torch.randn(20, 8)
    y, routing = layer(x)
    own = layer.gate(x).loss
    assert routing.loss > own + 1.9  # each inner switch loss is 1 or more, up to noise
    (y.sum() + routing.loss).backward()
    assert all(one.grad is not None for one in layer.parameters())


@pytest.mark.parametrize("top_k", [1, 2, None])
@pytest.mark.parametrize("recompute", [False, True])
def test_modules_of_any_kind_are_experts(top_k, recompute):
    torch.manual_seed(0)
    experts = [nn.Linear(8, 3), nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3)), Cut()]
    layer = SparseMoE(8, 3, top_k=top_k, experts=experts, recompute=recompute)
    x = torch.randn(20, 8)
    y, routing = layer(x)
    answers = torch.stack([expert(x) for expert in experts], 1)
    chosen = answers.gather(1, routing.experts.unsqueeze(-1).expand(-1, -1, 3))
    torch.testing.assert_close(y, (chosen * routing.gate_weights.unsqueeze(-1)).sum(1))
    assert layer(x[:0])[0].shape == (0, 3)


class Cut(nn.Module):
    def forward(self, x):
        return F.relu(x[:, :3])
