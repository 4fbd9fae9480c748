"""Compiled by torch's default backend, which orders memory itself, a layer is the layer."""

import os
import shutil

import pytest
import torch

from moe_lab.nn import HierarchicalMoE, SparseMoE

LOSSES = dict.fromkeys(("gshard", "importance", "switch", "z"), 0.1)
CHEAP = {"compile_threads": 1, "cpp.simdlen": 1}  # no processes, no vectors to compile


@pytest.fixture(scope="module")
def compiler():
    """A C++ compiler for Inductor; without one, its tests are skipped, or fail in CI."""
    found = shutil.which(os.environ.get("CXX", "g++"))
    if found is None:
        reason = "no C++ compiler on the path; apt-get install g++"
        required = os.environ.get("MOE_LAB_REQUIRE_INDUCTOR", "0") not in ("", "0")
        (pytest.fail if required else pytest.skip)(reason)
    return found


@pytest.mark.slow
def test_inductor_drops_what_finds_no_room(compiler):
    torch._dynamo.reset()
    torch.manual_seed(0)
    layer, x = SparseMoE(32, n_experts=8, hidden_dim=32, capacity_factor=1.0), torch.randn(512, 32)
    expected, routing = layer(x)
    y, compiled = torch.compile(layer, options=CHEAP)(x)  # with gradients, or there is no fault
    assert routing.dropped > 0.02
    for got, one in zip([y, *compiled], [expected, *routing], strict=True):
        torch.testing.assert_close(got, one, rtol=1e-3, atol=1e-4)


def gradients(layer, call, x):
    x = x.detach().requires_grad_()
    layer.zero_grad()
    y, routing = call(x)
    ((y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum() + routing.loss).backward()
    return [x.grad, *(one.grad for one in layer.parameters())]


@pytest.mark.slow
def test_inductor_keeps_the_gradients_of_both_levels(compiler):
    torch._dynamo.reset()
    torch.manual_seed(0)
    layer, x = HierarchicalMoE(32, (4, 4), 32, losses=LOSSES), torch.randn(512, 32)
    expected = gradients(layer, layer, x)
    compiled = torch.compile(layer, options=CHEAP)
    for got, one in zip(gradients(layer, compiled, x), expected, strict=True):
        torch.testing.assert_close(got, one, rtol=1e-3, atol=1e-4)
