"""Compiled by torch's default backend, which orders memory itself, a layer is the layer."""

import os
import shutil

import pytest
import torch

from moe_lab.nn import HierarchicalMoE, SparseMoE

LOSSES = dict.fromkeys(("gshard", "importance", "switch", "z"), 0.1)
# Capacity is read off a scatter, and each level's gradient comes by one.
LAYERS = {
    "capacity": lambda: SparseMoE(32, n_experts=8, hidden_dim=32, capacity_factor=1.0),
    "hierarchical": lambda: HierarchicalMoE(32, (4, 4), 32, losses=LOSSES),
}


@pytest.fixture(scope="module")
def compiler():
    """A C++ compiler for Inductor; without one, its tests are skipped, or fail in CI."""
    found = shutil.which(os.environ.get("CXX", "g++"))
    if found is None:
        reason = "no C++ compiler on the path; apt-get install g++"
        required = os.environ.get("MOE_LAB_REQUIRE_INDUCTOR", "0") not in ("", "0")
        (pytest.fail if required else pytest.skip)(reason)
    return found


def results(layer, call, x):
    x = x.detach().requires_grad_()
    layer.zero_grad()
    y, routing = call(x)
    ((y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum() + routing.loss).backward()
    return [y, *routing, x.grad, *(one.grad for one in layer.parameters())]


@pytest.mark.slow
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_inductor_computes_what_the_layer_does(make, compiler):
    torch._dynamo.reset()
    torch.manual_seed(0)
    layer, x = make(), torch.randn(512, 32)
    cheap = {"compile_threads": 1, "cpp.simdlen": 1}  # no processes, no vectors to compile
    expected = results(layer, layer, x)
    assert expected[5] > 0.02 or make is not LAYERS["capacity"]  # some are dropped
    compiled = torch.compile(layer, options=cheap)
    for got, one in zip(results(layer, compiled, x), expected, strict=True):
        torch.testing.assert_close(got, one, rtol=1e-3, atol=1e-4)
