"""What gate and experts are trained for: objectives, their terms and gradients."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from moe_lab.train.gradient.joint import Divided, Joint, Objective
from moe_lab.train.gradient.run import held_out_scales


def joint(task, n_experts=3, n_outputs=1):
    torch.manual_seed(0)
    nets = [nn.Linear(4, n_outputs) for _ in range(n_experts)]
    return Joint(nn.Linear(4, n_experts), nets, [(0, 4)] * (n_experts + 1), task, 0.01).double()


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("objective", ["likelihood", "pooled"])
def test_objectives_are_what_the_papers_say(task, objective):
    net = joint(task, n_outputs=1 if task == "regression" else 3)
    X = torch.randn(5, 4, dtype=torch.float64)
    y = torch.tensor([0, 2, 1, 1, 0])
    y = y.double() if task == "regression" else y
    answer = net(X)
    gate = answer.log_gate.exp()
    if task == "classification":
        likelihood = answer.said.exp()[torch.arange(5), :, y]
    else:
        likelihood = (
            torch.distributions.Normal(answer.said, answer.scales).log_prob(y[:, None]).exp()
        )
    expected = -(gate * likelihood).sum(1).log()
    if task == "regression" and objective == "pooled":
        expected = ((gate * answer.said).sum(1) - y).square()
    terms = Objective(task, objective)(answer, y)
    torch.testing.assert_close(terms.score, expected)
    row = (gate * likelihood).sum(1)
    torch.testing.assert_close(terms.watched["log_likelihood"], row.log())
    torch.testing.assert_close(
        terms.watched["effective_size_1"], gate[:, 1] * likelihood[:, 1] / row
    )


def test_the_gradient_of_the_likelihood_is_that_of_the_m_step_at_its_responsibilities():
    net, X, y = joint("regression"), torch.randn(50, 4).double(), torch.randn(50).double()
    answer = net(X)
    terms = Objective("regression")(answer, y)
    resp = torch.stack([terms.watched[f"effective_size_{k}"] for k in range(3)], 1)
    parameters = list(net.parameters())
    direct = torch.autograd.grad(terms.loss.sum(), parameters, retain_graph=True)
    m_step = torch.autograd.grad(Divided("regression")(answer, y, resp).loss.sum(), parameters)
    for one, other in zip(direct, m_step, strict=True):
        torch.testing.assert_close(one, other)


def test_the_pooled_loss_leaves_means_and_gate_to_the_squared_error():
    net, X, y = joint("regression"), torch.randn(50, 4).double(), torch.randn(50).double()
    terms = Objective("regression", "pooled")(net(X), y)
    parts = [*net.gate.parameters(), *net.experts.parameters()]
    total = torch.autograd.grad(terms.loss.sum(), [*parts, net.log_scales], retain_graph=True)
    pooled = torch.autograd.grad(terms.score.sum(), parts)
    for one, other in zip(total, pooled, strict=False):
        torch.testing.assert_close(one, other)
    assert total[-1].abs().min() > 0


def test_noise_scales_are_those_of_held_out_rows():
    rng = np.random.default_rng(0)
    predictions, y = np.zeros((4000, 2, 1)), rng.standard_normal(4000)
    predictions[:, 1] = 50.0
    log_gate = np.log(np.tile([0.999, 0.001], (4000, 1)))
    scales = held_out_scales(np.array([0.01, 7.0]), log_gate, predictions, y, np.ones(4000), 1e-3)
    assert_allclose(scales[0], y.std(), rtol=0.02)
    assert_allclose(scales[1], 7.0, rtol=0.1)  # trusted with no row: as in training
