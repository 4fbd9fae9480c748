"""Exported once, a layer takes batches of any size."""

import pytest
import torch
from torch import nn

from moe_lab.nn import HierarchicalMoE, SparseMoE


def modules(n):
    return [nn.Sequential(nn.Linear(8, 5), nn.ReLU(True), nn.Linear(5, 3)) for _ in range(n)]


COMPAT = {"compat": "mixture-of-experts", "eval_second_policy": "all"}
LOSSES = dict.fromkeys(("gshard", "importance", "load", "switch", "z"), 0.1)
LAYERS = {
    "plain": lambda: SparseMoE(8, 4, 16),
    "capacity": lambda: SparseMoE(8, 4, 16, 3, eval_capacity_factor=0.8),
    "soft": lambda: SparseMoE(8, 4, 16, None),
    "all losses": lambda: SparseMoE(8, 4, 16, noisy=True, bias_rate=0.1, losses=LOSSES),
    "hierarchical": lambda: HierarchicalMoE(8, (3, 3), 16, bias=True, gated=True),
    "compat": lambda: SparseMoE(8, 4, 16, **COMPAT),
    "hierarchical compat": lambda: HierarchicalMoE(8, (2, 3), 16, **COMPAT),
    "modules": lambda: SparseMoE(8, 4, experts=modules(4), eval_capacity_factor=0.8),
    "modules, soft": lambda: SparseMoE(8, 4, top_k=None, experts=modules(4)),
    "nested": lambda: SparseMoE(8, 2, experts=[SparseMoE(8, 2, 4) for _ in range(2)]),
}


def check(layer, strict):
    batch = torch.export.Dim("batch", min=2, max=10_000)
    exported = torch.export.export(
        layer, (torch.randn(6, 8),), dynamic_shapes=({0: batch},), strict=strict
    ).module()
    for n in (2, 7, 300):
        x = torch.randn(n, 8)
        (y, routing), (expected, by_layer) = exported(x), layer(x)
        for got, one in zip([y, *routing], [expected, *by_layer], strict=True):
            torch.testing.assert_close(got, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_an_exported_layer_is_the_layer_for_any_batch(make):
    torch.manual_seed(0)
    check(make().eval(), strict=False)


@pytest.mark.parametrize("name", ["plain", "modules"])
def test_a_layer_exports_by_its_bytecode_too(name):
    torch.manual_seed(0)
    check(LAYERS[name]().eval(), strict=True)


class Inverse(nn.Module):
    def forward(self, x):
        return 1 / x[:, :1].clamp(min=0)  # infinite for rows that are not its own


def test_rows_that_an_exported_module_did_not_get_do_not_spoil_others():
    layer = SparseMoE(8, 2, top_k=1, experts=[nn.Linear(8, 1), Inverse()]).eval()
    with torch.no_grad():
        layer.gate.linear.weight.zero_()[0] = torch.tensor([-1.0, 1.0])
    check(layer, strict=False)
