"""Balance the loads: by losses on the gate, or without a loss by a bias on the choice."""

# shapes: (n)samples, (e)xperts, (k) choices of a row

from typing import NamedTuple

import torch
from torch import Tensor, nn

from moe_lab.nn import losses, processes
from moe_lab.nn.indexing import count, put


class Votes(NamedTuple):
    """How the rows voted, for the losses."""

    n_experts: int
    experts: Tensor  # (k, n)
    gate_weights: Tensor  # (k, n)

    def shares(self, n_choices: int | None = None) -> Tensor:
        """Share of the (first) choices that went to each expert, of shape (n_experts,)."""
        experts = self.experts if n_choices is None else self.experts.narrow(0, 0, n_choices)
        chosen = count(experts, self.n_experts)
        return chosen / max(experts.numel(), 1)

    def dense_weights(self) -> Tensor:
        """Gate weights of all experts, of shape (n_samples, n_experts)."""
        return put(self.gate_weights.t(), self.experts.t(), 1, self.n_experts)


def balancing_loss(coefficients, votes: Votes, *, mean_probability, norms, chance) -> Tensor:
    """Return the sum of the losses times their coefficients.

    Parameters
    ----------
    coefficients : dict of str to float
    votes : Votes
    mean_probability : function that returns the experts' mean probabilities, (n_experts,)
    norms : function that returns the log sum exp of each level's logits, for the z loss
    chance : function that returns the (n_samples, n_experts) probabilities of the load loss
    """
    if not coefficients or not votes.experts.shape[1]:
        return votes.gate_weights.sum() * 0.0  # a mean over no rows would be NaN
    terms = {
        "gshard": lambda: losses.balance(mean_probability(), votes.shares(1)),
        "importance": lambda: losses.importance(votes.dense_weights()),
        "load": lambda: losses.load(chance()),
        "switch": lambda: losses.balance(mean_probability(), votes.shares()),
        "z": lambda: sum(norm.square().mean() for norm in norms()),
    }
    return sum(coefficient * terms[name]() for name, coefficient in coefficients.items())


class LoadBias(nn.Module):
    """A bias for each expert that moves rows to idle experts and leaves gate weights alone.

    Parameters
    ----------
    n_experts : int
    rate : float
        Step of the bias, in units of probability.
    n_groups : int, default=1
        Experts are balanced within their group.

    References
    ----------
    Wang et al. (2024), Auxiliary-loss-free load balancing strategy for mixture-of-experts.
    """

    def __init__(self, n_experts: int, rate: float, n_groups: int = 1):
        super().__init__()
        self.rate = rate
        self.n_groups = n_groups
        # Whole numbers: no half-precision copy of the layer rounds a step away.
        self.register_buffer("steps", torch.zeros(n_experts, dtype=torch.long))
        self.register_buffer("load_since", torch.zeros(n_experts, dtype=torch.long))

    def forward(self) -> Tensor:
        """Return the bias, of shape (n_experts,)."""
        return self.steps * self.rate

    @torch.no_grad()
    def observe(self, experts: Tensor):
        """Add choices to the load that the next update will see."""
        self.load_since += count(experts, len(self.load_since))

    @torch.no_grad()
    def update(self):
        """Move every bias by one step: up where the load was below the mean."""
        load = processes.total(self.load_since).view(self.n_groups, -1)
        self.steps += (load.sum(1, keepdim=True) - load.shape[1] * load).sign().flatten()
        self.load_since.zero_()
