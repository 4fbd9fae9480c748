"""compat="mixture-of-experts" against the package itself: outputs, losses, gradients."""

import itertools

import mixture_of_experts
import pytest
import torch
from torch import nn

from moe_lab.nn import HierarchicalMoE, SparseMoE, load_mixture_of_experts

FLAT = [(4, (3, 12, 8)), (3, (5, 7, 6)), (16, (2, 40, 10))]  # n_experts, shape
DEEP = [((2, 3), (3, 12, 8)), ((4, 4), (1, 50, 8))]
CAPACITIES = (0.5, 1.25, 8.0)
POLICIES = ("all", "none", "random")


def package(kind, n_experts, shape, *, policy="random", capacity=1.25, seed=0, scale=1.0):
    torch.manual_seed(seed)
    module = kind(
        dim=shape[-1],
        num_experts=n_experts,
        hidden_dim=16,
        second_policy_train=policy,
        second_policy_eval=policy,
        capacity_factor_train=capacity,
        capacity_factor_eval=capacity,
    )
    x = torch.randn(shape) * scale
    return module, x


def results(layer, x, named):
    """Output, loss, and the gradients of a sum that weighs every output differently."""
    x = x.clone().requires_grad_()
    torch.manual_seed(7)
    y, said = layer(x)
    loss = said if isinstance(said, torch.Tensor) else said.loss
    target = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    ((y * target).sum() + 100 * loss).backward()
    return {"y": y, "loss": loss, "x": x.grad, **named(layer)}, said


def ours(layer):
    found = {name: parameter.grad for name, parameter in layer.named_parameters()}
    return {
        "outer": found.get("gate.linear.weight", found.get("gate.outer.weight")),
        "inner": found.get("gate.inner.weight"),
        "w1": found["experts.w1"],
        "w2": found["experts.w2"],
    }


def theirs(module):
    experts = module.experts
    w1, w2 = (one.grad.reshape(-1, *one.shape[-2:]) for one in (experts.w1, experts.w2))
    if hasattr(module, "gate"):
        return {"outer": module.gate.w_gating.grad, "inner": None, "w1": w1, "w2": w2}
    inner = module.gate_inner.w_gating.grad.permute(1, 0, 2).flatten(1)
    return {"outer": module.gate_outer.w_gating.grad, "inner": inner, "w1": w1, "w2": w2}


def assert_same(module, x, atol=1e-6):
    layer = load_mixture_of_experts(module)
    expected, _ = results(module, x, theirs)
    got, routing = results(layer, x, ours)
    for name, value in expected.items():
        if value is None:
            assert got[name] is None
        else:
            scale = max(1.0, value.detach().abs().max().item())
            torch.testing.assert_close(got[name], value, rtol=0, atol=atol * scale, msg=name)
    return routing


@pytest.mark.parametrize("kind", [mixture_of_experts.MoE, mixture_of_experts.HeirarchicalMoE])
def test_outputs_losses_and_gradients_equal_the_packages(kind):
    sizes = FLAT if kind is mixture_of_experts.MoE else DEEP
    second = 1 if sizes is FLAT else 2  # the second expert of the first group
    dropped, thinned, both = 0, 0, 0
    for (n_experts, shape), capacity, policy in itertools.product(sizes, CAPACITIES, POLICIES):
        for training in (True, False):
            module, x = package(kind, n_experts, shape, policy=policy, capacity=capacity)
            routing = assert_same(module.train(training), x)
            dropped += routing.dropped > 0
            seconds = routing.gate_weights[..., second] > 0
            if policy == "random" and capacity == 8.0:
                both += bool(seconds.any())
                thinned += bool((~seconds).any())
    assert dropped >= 6  # rows found no room
    assert thinned  # the policy turned seconds away
    assert both  # and let seconds pass


@pytest.mark.parametrize("kind", [mixture_of_experts.MoE, mixture_of_experts.HeirarchicalMoE])
def test_double_precision_agrees_too(kind):
    n_experts = 4 if kind is mixture_of_experts.MoE else (2, 3)
    module, x = package(kind, n_experts, (3, 20, 8))
    assert_same(module.double(), x.double(), atol=1e-7)  # it counts in single precision


@pytest.mark.parametrize("kind", [mixture_of_experts.MoE, mixture_of_experts.HeirarchicalMoE])
def test_gates_that_underflow_to_zero_keep_their_places(kind):
    n_experts = 4 if kind is mixture_of_experts.MoE else (3, 3)
    module, x = package(kind, n_experts, (2, 40, 8), policy="all", scale=500.0)
    routing = assert_same(module.double(), x.double())  # single precision rounds such logits
    assert (routing.gate_weights == 0).any()
    assert routing.dropped > 0


@pytest.mark.parametrize("kind", [mixture_of_experts.MoE, mixture_of_experts.HeirarchicalMoE])
def test_threshold_crashes_there_and_works_here(kind):
    n_experts = 4 if kind is mixture_of_experts.MoE else (2, 3)
    module, x = package(kind, n_experts, (3, 20, 8), policy="threshold", capacity=8.0)
    with pytest.raises(RuntimeError):
        module(x)
    layer = load_mixture_of_experts(module)
    _, routing = layer(x)
    first, second = routing.gate_weights[..., 0], routing.gate_weights[..., -1]
    if kind is mixture_of_experts.MoE:
        assert ((second == 0) | (second > 0.2)).all()
        rejected = second == 0
        assert rejected.any()
        assert not rejected.all()
        assert (first[rejected] > 0.8 - 1e-6).all()  # not renormalised, as the other policies


def test_threshold_is_all_or_none_at_its_ends():
    module, x = package(mixture_of_experts.MoE, 4, (3, 20, 8), policy="all", capacity=1.0)
    for policy, threshold in (("all", -1.0), ("none", 1.0)):
        for level in module.modules():
            if hasattr(level, "second_policy_train"):
                level.second_policy_train = policy
        layer = load_mixture_of_experts(module)
        y, routing = module(x)
        settings = layer.gate.settings.train._replace(
            second_policy="threshold", second_threshold=threshold
        )
        layer.gate.settings = layer.gate.settings._replace(train=settings)
        ours_y, ours_routing = layer(x)
        torch.testing.assert_close(ours_y, y, rtol=0, atol=1e-6)
        torch.testing.assert_close(ours_routing.loss, routing, rtol=0, atol=1e-6)


def test_one_group_and_deeper_batches_are_taken():
    layer = SparseMoE(8, 4, 16, compat="mixture-of-experts", second_policy="all")
    x = torch.randn(2, 3, 10, 8)
    y, _ = layer(x)
    torch.testing.assert_close(y[1], layer(x[1])[0])  # each batch row has its own room
    torch.testing.assert_close(y[1, 2], layer(x[1, 2])[0])


def test_weights_go_on_to_the_sane_layer():
    module, x = package(mixture_of_experts.HeirarchicalMoE, (2, 3), (3, 12, 8))
    layer = HierarchicalMoE(8, (2, 3), 16)
    layer.load_state_dict(load_mixture_of_experts(module).state_dict())
    _, routing = layer(x)
    torch.testing.assert_close(routing.gate_weights.sum(-1), torch.ones(3, 12))


@pytest.mark.parametrize(
    "module",
    [nn.Linear(2, 2), mixture_of_experts.MoE(8, num_experts=2, experts=nn.Identity())],
)
def test_the_loader_says_what_it_takes(module):
    with pytest.raises(TypeError, match="module must be MoE or HeirarchicalMoE"):
        load_mixture_of_experts(module)
