"""Sizes, dtypes, copies and words of a layer."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from moe_lab.nn import HierarchicalMoE, SparseMoE, experts

BOTH = {"flat": (SparseMoE, 4), "hierarchical": (HierarchicalMoE, (2, 2))}
both = pytest.mark.parametrize(("make", "n_experts"), BOTH.values(), ids=BOTH)


@pytest.mark.parametrize("whole", [np.int64, np.int32, np.uint8])
def test_numpy_integers_are_sizes(whole):
    layer = SparseMoE(whole(8), whole(4), whole(16), whole(1))
    two = HierarchicalMoE(whole(8), np.array([2, 2], whole), whole(16), np.array([2, 1], whole))
    for one in (layer, two, HierarchicalMoE(8, [2, 2], top_k=[2, 1])):
        assert type(one.dim) is int
        y, routing = one(torch.randn(5, 8))
        (y.sum() + routing.loss).backward()
    assert layer.experts.w1.shape == (4, 8, 16)


@both
@pytest.mark.parametrize(
    "options", [{}, {"bias": True, "recompute": True}, {"top_k": None}], ids=str
)
def test_a_gate_may_compute_in_float32_beside_experts_in_bfloat16(make, n_experts, options):
    torch.manual_seed(0)
    layer = make(8, n_experts, 16, **options)
    expected, _ = layer(torch.ones(5, 8))
    layer.bfloat16().gate.float()
    y, routing = layer(torch.ones(5, 8, dtype=torch.bfloat16))
    assert y.dtype == torch.bfloat16
    assert routing.gate_weights.dtype == torch.float32
    torch.testing.assert_close(y.float(), expected, rtol=0.1, atol=0.05)
    (y.float().sum() + routing.loss).backward()
    assert layer.experts.w1.grad.dtype == torch.bfloat16
    with pytest.raises(TypeError, match=r"x of torch.float32 and a layer of torch.bfloat16"):
        layer(torch.ones(5, 8))


def test_modules_in_bfloat16_have_a_gate_in_float32():
    layer = SparseMoE(8, 2, experts=[nn.Linear(8, 3), nn.Linear(8, 3)]).bfloat16()
    layer.gate.float()
    assert layer(torch.ones(5, 8).bfloat16())[0].dtype == torch.bfloat16
    free = SparseMoE(8, 2, experts=[nn.Identity(), nn.Tanh()])
    assert free(torch.ones(5, 8))[0].shape == (5, 8)
    with pytest.raises(TypeError, match="x of torch.float64 and a layer of torch.float32"):
        free(torch.ones(5, 8).double())


@both
@pytest.mark.parametrize("activation", experts.ACTIVATIONS)
def test_a_layer_is_pickled_saved_and_copied(make, n_experts, activation):
    layer, x = make(8, n_experts, 16, activation=activation, bias_rate=0.1), torch.randn(5, 8)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    again = [
        pickle.loads(pickle.dumps(layer)),
        copy.deepcopy(layer),
        torch.load(file, weights_only=False),
    ]
    for one in again:
        assert torch.equal(one(x)[0], layer(x)[0])


def test_repr_names_the_sizes():
    said = repr(SparseMoE(8, 4, 16, top_k=2, activation="gelu", bias_rate=0.1))
    for part in (
        "SparseMoE(\n  dim=8, n_experts=4",
        "top_k=2, losses={'switch': 0.01}",
        "LinearGate(\n      dim=8, n_experts=4, noisy=False",
        "rate=0.1, n_groups=1",
        "GroupedExperts(dim=8, n_experts=4, hidden_dim=16, activation=gelu)",
    ):
        assert part in said
    said = repr(HierarchicalMoE(8, (2, 3), 16, activation=nn.PReLU()))
    assert "HierarchicalMoE(\n  dim=8, n_experts=6" in said
    assert "activation=PReLU" in said


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_keeps_the_loss_of_plain_tensors(reentrant):
    torch.manual_seed(0)
    layer, x = SparseMoE(8, 4, 16, losses={"switch": 1.0}), torch.randn(20, 8, requires_grad=True)

    def output_and_loss(x):
        y, routing = layer(x)
        return y, routing.loss

    layer(x)[1].loss.backward()
    expected = layer.gate.linear.weight.grad.clone()
    layer.zero_grad()
    _, loss = torch.utils.checkpoint.checkpoint(output_and_loss, x, use_reentrant=reentrant)
    loss.backward()
    torch.testing.assert_close(layer.gate.linear.weight.grad, expected)
