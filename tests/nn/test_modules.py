"""Experts as modules: what works in place, hooks, gradients of those that nobody asked."""

import copy
import warnings

import pytest
import torch
from torch import nn

from moe_lab.nn import HierarchicalMoE, SparseMoE, update_biases


class Double(nn.Module):
    def __init__(self, inplace):
        super().__init__()
        self.inplace = inplace
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        return self.last(x.mul_(2) if self.inplace else x * 2)


def member(inplace):
    return nn.Sequential(nn.Linear(8, 8), nn.SiLU(inplace), nn.Linear(8, 3))


def starts_with_relu(inplace):
    return nn.Sequential(nn.ReLU(inplace), nn.Linear(8, 3))


def results(layer, x):
    x = x.detach().requires_grad_()
    layer.zero_grad()
    y, routing = layer(x * 1)  # not a leaf: what works in place on it is not refused by torch
    (y.square().sum() + routing.loss).backward()
    return [y, x.grad, *(one.grad for one in layer.parameters())]


@pytest.mark.parametrize("make", [Double, member, starts_with_relu])
@pytest.mark.parametrize("top_k", [1, 2, None])
@pytest.mark.parametrize("recompute", [False, True])
def test_experts_may_work_in_place(make, top_k, recompute):
    torch.manual_seed(0)
    layer = SparseMoE(8, 3, top_k=top_k, experts=[make(False) for _ in range(3)])
    twin = SparseMoE(8, 3, top_k=top_k, experts=[make(True) for _ in range(3)], recompute=recompute)
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(20, 8)
    for got, expected in zip(results(twin, x), results(layer, x), strict=True):
        torch.testing.assert_close(got, expected)
    before = x.clone()
    twin(x)
    with torch.no_grad():
        twin(x)
    assert torch.equal(x, before)


def doubled(x):
    return x.mul_(2)


@pytest.mark.parametrize(
    ("activation", "same"),
    [
        (torch.relu_, torch.relu),
        (nn.ELU(inplace=True), nn.ELU()),
        (doubled, lambda x: x * 2),
    ],
    ids=["function", "module", "not idempotent"],
)
@pytest.mark.parametrize(
    "options", [{}, {"gated": True, "bias": True}, {"recompute": True}], ids=str
)
@pytest.mark.parametrize("top_k", [2, None])
def test_an_activation_may_work_in_place(activation, same, options, top_k):
    torch.manual_seed(0)
    layer = SparseMoE(8, 4, 16, top_k, activation=same, **options)
    twin = SparseMoE(8, 4, 16, top_k, activation=activation, **options)
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(20, 8)
    for got, expected in zip(results(twin, x), results(layer, x), strict=True):
        torch.testing.assert_close(got, expected)
    with torch.inference_mode():
        torch.testing.assert_close(twin(x)[0], layer(x)[0])


def linear_experts(n):
    return [nn.Linear(8, 3) for _ in range(n)]


def test_experts_without_rows_have_gradients_of_zero():
    layer = SparseMoE(8, 5, top_k=1, experts=[*linear_experts(3), member(False), member(False)])
    layer.experts.members[3][0].bias.requires_grad_(False)
    with torch.no_grad():
        layer.gate.linear.weight[:, 2] = 9.0
    y, routing = layer(torch.rand(10, 8))
    assert routing.load.tolist() == [0, 0, 10, 0, 0]
    y.sum().backward()
    for i, one in enumerate(layer.experts.members):
        for parameter in one.parameters():
            assert (parameter.grad is None) == (not parameter.requires_grad)
            assert parameter.grad is None or parameter.grad.any() == (i == 2)


EVERY = {
    "flat": lambda: SparseMoE(8, 4, 16),
    "noisy": lambda: SparseMoE(8, 4, 16, noisy=True, losses={"load": 0.1}),
    "many": lambda: SparseMoE(8, 64, 16, losses={}),
    "soft": lambda: SparseMoE(8, 4, 16, None),
    "hierarchical": lambda: HierarchicalMoE(8, (2, 2), 16),
    "compat": lambda: SparseMoE(8, 4, 16, compat="mixture-of-experts"),
    "modules": lambda: SparseMoE(8, 4, experts=linear_experts(4)),
    "modules, soft": lambda: SparseMoE(8, 4, top_k=None, experts=linear_experts(4)),
}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_hooks_see_a_call_of_every_module_with_parameters(make):
    layer, seen = make(), set()
    owners = [
        one for one in layer.modules() if next(one.parameters(recurse=False), None) is not None
    ]
    for one in [layer.gate, layer.experts, *owners]:
        one.register_forward_hook(lambda module, *_: seen.add(module))
    layer(torch.randn(200, 8))
    assert seen == {layer.gate, layer.experts, *owners}


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_a_batch_of_few_rows_gives_every_parameter_a_gradient(make, n):
    layer = make()
    y, routing = layer(torch.randn(n, 8))
    (y.sum() + routing.loss).backward()
    assert all(one.grad is not None for one in layer.parameters())


@pytest.mark.parametrize("make", [SparseMoE, lambda d, _, **o: HierarchicalMoE(d, (2, 2), **o)])
def test_biases_that_are_never_updated_are_told_of(make):
    layer = make(8, 4, bias_rate=0.01)
    optimizer = torch.optim.Adam(layer.parameters())

    def step(n_batches=1):
        for _ in range(n_batches):
            layer(torch.randn(20, 8))[0].sum().backward()
        optimizer.step()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            step(2)  # gradients of several batches are fine
            copy.deepcopy(layer).eval()(torch.randn(20, 8))
            update_biases(layer)
        step()
    with pytest.warns(UserWarning, match=r"Call update_biases\(network\) after each optimizer"):
        step()
