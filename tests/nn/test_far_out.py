"""Inputs far from the origin: where the loss is finite, so are gradients and weights."""

import pytest
import torch

from moe_lab.nn import HierarchicalMoE, SparseMoE, update_biases

LAYERS = {"flat": (SparseMoE, 6), "hierarchical": (HierarchicalMoE, (3, 3))}
OPTIONS = {
    "load": {"noisy": True, "losses": {"load": 0.1}},
    "noise": {"noisy": True},
    "all": {"noisy": True, "losses": dict.fromkeys(("gshard", "importance", "switch", "z"), 0.1)},
    "one": {"top_k": 1},
    "bias": {"bias_rate": 0.01, "losses": {"importance": 0.1}},
    "soft": {"top_k": None, "losses": {"importance": 0.1}},
    "compat": {"compat": "mixture-of-experts"},
}


@pytest.mark.parametrize("scale", [1e3, 1e6])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_weights_stay_finite(kind, options, scale):
    torch.manual_seed(0)
    make, n_experts = kind
    layer, x = make(8, n_experts, 16, **options), scale * torch.randn(64, 8)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(12):
        y, routing = layer(x)
        loss = (y / scale).square().mean() + routing.loss
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update_biases(layer)
    for name, one in layer.named_parameters():
        assert one.isfinite().all(), name
