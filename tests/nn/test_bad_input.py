"""What the sparse layers refuse, and what they say."""

import pytest
import torch
from torch import nn

from moe_lab.nn import HierarchicalMoE, SparseMoE

PACKAGE = {"compat": "mixture-of-experts"}
REFUSED = [
    ({"top_k": 5}, "top_k must be at most n_experts, got top_k=5 and n_experts=4"),
    ({"top_k": 0}, "top_k must be a whole number of 1 or more, got top_k=0"),
    ({"n_experts": 0}, "n_experts must be a whole number of 1 or more, got n_experts=0"),
    ({"capacity_factor": 0}, "capacity_factor must be above 0, got capacity_factor=0"),
    ({"eval_capacity_factor": -1.0}, "eval_capacity_factor must be above 0"),
    ({"capacity_factor": float("nan")}, "capacity_factor must be above 0"),
    ({"capacity_factor": 1.0, "top_k": None}, "asks every expert has no capacity"),
    ({"second_policy": "al"}, "Unknown second_policy 'al'. Did you mean 'all'?"),
    ({"second_policy": "none", "top_k": 3}, "must be 'all' unless top_k is 2"),
    ({"losses": {"swich": 1.0}}, "Unknown loss 'swich'. Did you mean 'switch'?"),
    ({"losses": {"load": 1.0}}, "The load loss must have noise on a choice"),
    ({"losses": {"load": 1.0}, "noisy": True, "top_k": 4}, "The load loss must have noise"),
    ({"losses": {"switch": 1.0}, "top_k": None}, "has no loads to balance"),
    ({"bias_rate": 0.1, "top_k": None}, "has no loads to balance"),
    ({"activation": "gelo"}, "Unknown activation 'gelo'. Did you mean 'gelu'?"),
    ({"losses": ["switch"]}, "losses must give each loss a coefficient, got losses=['switch']"),
    ({"losses": "switch"}, "losses must give each loss a coefficient"),
    ({"losses": {"switch": -0.1}}, "losses['switch'] must be a finite number of 0 or more"),
    ({"losses": {"switch": "0.1"}}, "got losses['switch']='0.1'"),
    ({"bias_rate": -0.1}, "bias_rate must be a finite number of 0 or more, got bias_rate=-0.1"),
    ({"bias_rate": float("nan")}, "bias_rate must be a finite number"),
    ({"dropout": -0.1}, "dropout must be a number from 0 to 1.0, got dropout=-0.1"),
    ({"dropout": 1.5}, "dropout must be a number from 0 to 1.0"),
    ({"capacity_factor": float("inf")}, "capacity_factor must be finite"),
    ({"n_experts": 4.0}, "n_experts must be a whole number of 1 or more, got n_experts=4.0"),
    ({"n_experts": True}, "n_experts must be a whole number"),
    ({"hidden_dim": 0}, "hidden_dim must be a whole number of 1 or more"),
    ({"experts": [nn.Identity()] * 3}, "got n_experts=4 and 3 modules"),
    ({"compat": "mixture_of_experts"}, "Did you mean 'mixture-of-experts'?"),
    ({**PACKAGE, "top_k": 1}, "must have top_k=2"),
    ({**PACKAGE, "noisy": True}, "no noise"),
    ({**PACKAGE, "losses": {"switch": 1.0}}, "no loss but 'gshard'"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda one: str(one)[:40])
def test_sparse_moe_refuses(options, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        SparseMoE(**{"dim": 8, "n_experts": 4, **options})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_experts": 4}, ValueError, "n_experts must be (n_groups, n_experts_of_each)"),
        ({"top_k": (1, 4)}, ValueError, "top_k must be at most n_experts, got top_k=4"),
        ({"top_k": (1, 2, 3)}, ValueError, "top_k must be one number or (of groups, of experts"),
        ({"losses": ["switch"]}, ValueError, "losses must give each loss a coefficient"),
        ({"top_k": (None, 2)}, ValueError, "top_k must be None at both levels or at neither"),
        ({"capacity": 1}, TypeError, "Did you mean 'capacity_factor'?"),
    ],
)
def test_hierarchical_moe_refuses(options, error, message):
    with pytest.raises(error) as refused:
        HierarchicalMoE(**{"dim": 8, "n_experts": (2, 3), **options})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(3, 7), ValueError, "x must have dim=8 features in its last axis, got (3, 7)"),
        (torch.tensor(1.0), ValueError, "got ()"),
        (torch.zeros(3, 8, device="meta"), ValueError, "x on meta and the layer on cpu"),
        (torch.zeros(3, 8).double(), TypeError, "x of torch.float64 and a layer of torch.float32"),
    ],
)
def test_input_that_does_not_fit_is_refused(x, error, message):
    for layer in (SparseMoE(8, 4), HierarchicalMoE(8, (2, 2)), SparseMoE(8, 4, **PACKAGE)):
        with pytest.raises(error) as refused:
            layer(x)
        assert message in str(refused.value)


class Flat(nn.Module):
    def forward(self, x):
        return x.sum()


class Nothing(nn.Module):
    def forward(self, x):
        return None


@pytest.mark.parametrize(
    "wrong",
    [nn.Linear(8, 3), nn.Flatten(0), Flat(), Nothing(), nn.Unflatten(1, (2, 4))],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("top_k", [2, None])
def test_a_module_whose_answer_has_a_wrong_shape_is_named(wrong, top_k):
    layer = SparseMoE(8, 3, top_k=top_k, experts=[nn.Linear(8, 8), wrong, nn.Linear(8, 8)])
    with pytest.raises(ValueError, match="experts must return one row for each row.*expert 1"):
        layer(torch.randn(40, 8))
