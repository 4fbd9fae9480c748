"""The grouped operator, by kernel and by loop; and what dispatch never makes."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from moe_lab.nn import SparseMoE, grouped
from moe_lab.nn.grouped import grouped_outer, grouped_product

ENDS = torch.tensor([5, 5, 12])  # an empty group, and 3 rows of none


@pytest.mark.parametrize("op", [grouped_product, grouped_outer], ids=["product", "outer"])
def test_operators_keep_torchs_rules(op):
    torch.manual_seed(0)
    other = torch.randn(3, 8, 16) if op is grouped_product else torch.randn(15, 16)
    inputs = [torch.randn(15, 8).double(), other.double()]
    torch.library.opcheck(op, (*(one.requires_grad_() for one in inputs), ENDS))
    assert torch.autograd.gradcheck(lambda *two: op(*two, ENDS), inputs)


@pytest.mark.skipif(not hasattr(torch.nn.functional, "grouped_mm"), reason="no grouped_mm here")
def test_the_kernel_and_the_loop_agree(monkeypatch):
    torch.manual_seed(0)
    x, w, y = (torch.randn(*s).bfloat16() for s in ((15, 8), (3, 8, 16), (15, 16)))
    looped = grouped_product(x, w, ENDS), grouped_outer(x, y, ENDS)
    monkeypatch.setattr(grouped, "_kernel_takes", lambda *_: True)
    x[12:], y[12:] = torch.nan, torch.nan  # what follows the last group is not read
    by_kernel = grouped_product(x, w, ENDS), grouped_outer(x, y, ENDS)
    for one, other in zip(by_kernel, looped, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)
    assert not by_kernel[0][12:].any()
    assert not by_kernel[1][1].any()


@pytest.mark.skipif(not hasattr(torch.nn.functional, "grouped_mm"), reason="no grouped_mm here")
def test_a_layer_by_the_kernel_is_the_layer_by_the_loop(monkeypatch):
    torch.manual_seed(0)
    layer = SparseMoE(8, 4, 16, bias=True, gated=True, activation="gelu").bfloat16()
    x = torch.randn(40, 8).bfloat16()

    def gradients():
        layer.zero_grad()
        y, _ = layer(x)
        y.float().square().sum().backward()
        return [y, *(one.grad.clone() for one in layer.experts.parameters())]

    expected = gradients()
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)  # the path of a device
    monkeypatch.setattr(grouped, "_kernel_takes", lambda *_: True)
    for one, other in zip(gradients(), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.1)


class Largest(TorchDispatchMode):
    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        made = [one.numel() for one in tree_leaves(out) if isinstance(one, torch.Tensor)]
        self.numbers = max(self.numbers, *made, 0)
        return out


@pytest.mark.parametrize(
    "options", [{}, {"capacity_factor": 1.25}, {"compat": "mixture-of-experts"}]
)
def test_no_tensor_of_rows_times_experts_times_capacity(options):
    n, d, h, e = 1000, 8, 16, 32
    layer = SparseMoE(d, e, h, **options)
    with Largest() as largest:
        y, routing = layer(torch.randn(n, d))
        (y.sum() + routing.loss).backward()
    assert largest.numbers <= max(2 * n * d, n * e, e * d * h)
