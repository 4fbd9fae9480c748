"""Balancing: what each loss measures, and that loads even out."""

import subprocess
import sys

import pytest
import torch

from moe_lab.nn import HierarchicalMoE, SparseMoE, losses, update_biases
from moe_lab.nn.gating import chance_of_choice


def skewed(n=400, d=8):
    torch.manual_seed(0)
    return torch.randn(n, d) + 1.0


def test_switch_and_gshard_are_one_at_balance_and_n_experts_at_collapse():
    even, one = torch.full((10, 4), 0.25), torch.tensor([1.0, 0.0, 0.0, 0.0])
    for loss in (losses.switch, losses.gshard):
        torch.testing.assert_close(loss(even, torch.full((4,), 0.25)), torch.tensor(1.0))
        torch.testing.assert_close(loss(one.expand(10, 4), one), torch.tensor(4.0))


def test_importance_and_load_are_squared_coefficients_of_variation():
    x = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    for loss in (losses.importance, losses.load):
        torch.testing.assert_close(loss(x), torch.tensor(0.25))  # (0.25 / 0.5)^2 of 0.75, 0.25


def test_z_is_the_mean_square_of_the_log_normaliser():
    torch.testing.assert_close(losses.z(torch.zeros(5, 4)), torch.tensor(4.0).log().square())


def test_the_layers_losses_are_those_of_the_papers():
    layer, x = SparseMoE(8, 4, 16, losses={"switch": 2.0}), skewed()
    _, routing = layer(x)
    p = (x @ layer.gate.linear.weight).softmax(1)
    shares = torch.bincount(routing.experts.flatten(), minlength=4) / routing.experts.numel()
    torch.testing.assert_close(routing.loss, 2 * 4 * (p.mean(0) * shares).sum())


def test_expected_load_counts_draws_of_the_noise():
    torch.manual_seed(0)
    layer = SparseMoE(8, 5, 16, noisy=True, losses={"load": 1.0})
    x = torch.randn(1, 8)
    logits, clean, scale = layer.gate.linear(x, True)
    chance = chance_of_choice(logits, clean, scale, 2)[0]
    for i in range(5):  # draw the noise of one expert again, keep that of the others
        again = logits.repeat(20_000, 1)
        again[:, i] = clean[0, i] + torch.randn(20_000) * scale[0, i]
        drawn = (again.topk(2).indices == i).any(1).float().mean()
        assert abs(drawn - chance[i]) < 0.02


@pytest.mark.parametrize("name", ["switch", "gshard", "importance", "load"])
def test_a_balancing_loss_evens_the_loads(name):
    torch.manual_seed(0)
    x = skewed()
    layer = SparseMoE(8, 4, 16, noisy=name == "load", losses={name: 1.0})
    before = layer(x)[1]
    optimizer = torch.optim.Adam(layer.gate.parameters(), lr=0.02)
    for _ in range(100):
        optimizer.zero_grad()
        layer(x)[1].loss.backward()
        optimizer.step()
    after = layer(x)[1]
    assert after.loss < before.loss
    assert after.load.float().std() < 0.6 * before.load.float().std()


@pytest.mark.parametrize(
    "make",
    [
        lambda **o: SparseMoE(8, 4, 16, **o),
        lambda **o: HierarchicalMoE(8, (2, 2), 16, top_k=1, **o),
    ],
)
def test_a_bias_evens_the_loads_and_leaves_the_weights(make):
    torch.manual_seed(0)
    x = skewed()
    layer = make(bias_rate=0.01, losses={})
    before = layer(x)[1]
    weight = layer.experts.w1.clone()
    for _ in range(100):
        layer(x)
        update_biases(layer)
    after = layer(x)[1]
    assert after.load.float().std() < 0.3 * before.load.float().std()
    assert after.loss == 0
    assert torch.equal(layer.experts.w1, weight)


def test_biases_survive_half_precision_and_wait_for_the_update():
    layer = SparseMoE(8, 4, 16, bias_rate=1e-3).bfloat16().eval()
    x = skewed().bfloat16()
    expected = layer(x)[1].experts
    assert torch.equal(layer(x)[1].experts, expected)
    for _ in range(300):
        layer.gate.linear.load_bias.observe(torch.zeros(1, 10, dtype=torch.long))
        update_biases(layer)
    assert layer.gate.linear.load_bias.steps.tolist() == [-300, 300, 300, 300]
    layer(x)
    assert not layer.gate.linear.load_bias.load_since.any()


TWO_PROCESSES = """
import sys
import torch
from torch import distributed
from moe_lab.nn import SparseMoE, update_biases

rank, port = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
layer = SparseMoE(8, 4, 16, bias_rate=0.1, losses={"switch": 1.0, "importance": 1.0, "z": 0.1})
x = torch.randn(40, 8)

def gradients(x):
    layer.zero_grad()
    y, routing = layer(x)
    (y.square().mean() + routing.loss).backward()
    update_biases(layer)
    return [routing.loss.detach(), *(one.grad.clone() for one in layer.parameters())]

state = {name: one.clone() for name, one in layer.state_dict().items()}
whole = gradients(x)
steps = layer.gate.linear.load_bias.steps.clone()
layer.load_state_dict(state)
distributed.init_process_group("gloo", init_method=f"file://{port}", rank=rank, world_size=2)
half = gradients(x[20 * rank : 20 * rank + 20])
for one, other in zip(half, whole, strict=True):
    distributed.all_reduce(one)
    torch.testing.assert_close(one / 2, other, rtol=1e-5, atol=1e-5)
assert torch.equal(layer.gate.linear.load_bias.steps, steps)
assert steps.any()
distributed.destroy_process_group()
print("equal")
"""


MODULES = """
import sys
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from moe_lab.nn import SparseMoE

rank, port = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
layer = SparseMoE(8, 5, experts=[nn.Linear(8, 3) for _ in range(5)])
with torch.no_grad():  # the first half of the rows asks experts 0 and 1, the second 2 and 3
    layer.gate.linear.weight[0] = torch.tensor([9.0, 9.0, -9.0, -9.0, 0.0])
x = torch.randn(40, 8)
x[:20, 0], x[20:, 0] = 1.0, -1.0

def backward(call, x):
    y, routing = call(x)
    (y.square().mean() + routing.loss).backward()
    grads = {name: one.grad for name, one in layer.named_parameters()}
    layer.zero_grad()
    return routing.load.tolist(), grads

whole_load, whole = backward(layer, x)
assert all(whole_load[:4]) and not whole_load[4], whole_load
distributed.init_process_group("gloo", init_method=f"file://{port}", rank=rank, world_size=2)
parallel = DistributedDataParallel(layer, find_unused_parameters=True)
for _ in range(2):  # reducers settle in the first step
    load, half = backward(parallel, x[20 * rank : 20 * rank + 20])
    assert sum(one == 0 for one in load) == 3, load
    for name, one in whole.items():
        nothing = torch.zeros_like(layer.get_parameter(name))
        one, other = (nothing if grad is None else grad for grad in (one, half[name]))
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6, msg=name)
distributed.destroy_process_group()
print("equal")
"""


@pytest.mark.parametrize("code", [TWO_PROCESSES, MODULES], ids=["built in", "modules"])
def test_two_processes_have_the_losses_and_gradients_of_one(code, tmp_path):
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(rank), str(tmp_path / "meet")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for one in running:
        said, errors = one.communicate(timeout=120)
        assert said == "equal\n", errors
