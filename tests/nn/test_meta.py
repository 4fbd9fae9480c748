"""Layers made on the meta device, or beside another default one."""

import pytest
import torch
from torch import nn

from moe_lab.nn import HierarchicalMoE, SparseMoE

NOISY = {"noisy": True, "bias_rate": 0.1, "bias": True, "gated": True}
LAYERS = {
    "flat": lambda: SparseMoE(8, 4, 16, **NOISY),
    "hierarchical": lambda: HierarchicalMoE(8, (2, 2), 16, **NOISY),
    "compat": lambda: SparseMoE(8, 4, 16, compat="mixture-of-experts"),
    "hierarchical compat": lambda: HierarchicalMoE(8, (2, 2), 16, compat="mixture-of-experts"),
    "learnt activation": lambda: SparseMoE(8, 4, 16, activation=nn.PReLU()),
}


def with_modules():
    return SparseMoE(
        8, 2, experts=[nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)), SparseMoE(8, 2, 4)]
    )


every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def materialised(make):
    with torch.device("meta"):
        layer = make()
    layer.to_empty(device="cpu")
    with torch.no_grad():  # memory as it may have been left
        for one in [*layer.parameters(), *layer.buffers()]:
            one.fill_(7)
    return layer


@every_layer
def test_a_layer_from_the_meta_device_is_one_made_here(make):
    torch.manual_seed(0)
    expected = make()
    layer = materialised(make)
    torch.manual_seed(0)
    layer.reset_parameters()
    assert layer.state_dict().keys() == expected.state_dict().keys()
    for name, one in expected.state_dict().items():
        assert torch.equal(layer.state_dict()[name], one), name
    assert not any(one.load_since.any() for one in layer.modules() if hasattr(one, "load_since"))


@pytest.mark.parametrize("make", [*LAYERS.values(), with_modules], ids=[*LAYERS, "modules"])
def test_no_weight_is_left_behind(make):
    layer, other = materialised(make), materialised(make)
    layer.reset_parameters()
    for module in other.modules():  # as FSDP's users do
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    for name, one in [*layer.state_dict().items(), *other.state_dict().items()]:
        assert not (one == 7).any(), name


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))


def test_a_module_that_cannot_be_drawn_anew_is_named():
    layer = SparseMoE(8, 2, experts=[nn.Linear(8, 8), nn.Sequential(Scale())])
    with pytest.raises(TypeError, match="must have reset_parameters.*got Scale"):
        layer.reset_parameters()


@pytest.mark.parametrize("n_experts", [4, 64])
def test_a_default_device_is_not_the_rows(n_experts):
    layer, hierarchy = SparseMoE(8, n_experts, 4, bias_rate=0.1), HierarchicalMoE(8, (4, 16), 4)
    other = SparseMoE(8, n_experts, 4, losses={}), SparseMoE(8, 4, 4, compat="mixture-of-experts")
    x = torch.randn(2000, 8)
    with torch.device("meta"):
        for one in (layer, hierarchy, *other):
            y, routing = one(x)
            (y.sum() + routing.loss).backward()
    assert {one.device.type for one in (y, *routing)} == {"cpu"}
