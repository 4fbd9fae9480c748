"""Balance the loads: by losses on the gate, or without a loss by a bias on the choice."""

# shapes: (n)samples, (e)xperts, (k) choices of a row

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from moe_lab.nn import losses
from moe_lab.nn.indexing import count, put
from moe_lab.nn.processes import ALL, Peers


class Votes(NamedTuple):
    """How the rows voted, for the losses."""

    n_experts: int
    experts: Tensor  # (k, n)
    gate_weights: Tensor  # (k, n)

    @property
    def n_samples(self) -> int:
        """How many rows have voted."""
        return self.experts.shape[1]

    def shares(self, n_choices: int | None = None) -> Tensor:
        """Share of the (first) choices that went to each expert, of shape (n_experts,)."""
        experts = self.experts if n_choices is None else self.experts.narrow(0, 0, n_choices)
        chosen = count(experts, self.n_experts)
        return chosen / max(experts.numel(), 1)

    def dense_weights(self) -> Tensor:
        """Gate weights of all experts, of shape (n_samples, n_experts)."""
        return put(self.gate_weights.t(), self.experts.t(), 1, self.n_experts)


def balancing_loss(
    coefficients: dict,
    votes: Votes,
    peers: Peers | None,
    *,
    probabilities: Callable,
    logits: Callable,
    chance: Callable,
) -> Tensor:
    """Return the sum of the losses times their coefficients.

    Parameters
    ----------
    coefficients : dict of str to float
    votes : Votes
    peers : Peers or None
        Whose rows are counted: all of them make the same call. None: these rows alone.
    probabilities : function that returns the probabilities of all experts
        Of shape (n_samples, n_experts), or their mean as one row.
    logits : function that returns the logits of each level, for the z loss
        Or their log sum exp as one column.
    chance : function that returns the (n_samples, n_experts) probabilities of the load loss
    """
    several = peers is not None and peers.several()
    if not votes.n_samples:  # a mean over no rows would be NaN, but others may have some
        coefficients = {name: one for name, one in coefficients.items() if several and name != "z"}
    if not coefficients:
        return votes.gate_weights.sum() * 0.0

    def rows(x):
        return peers.rows(x, votes.n_samples) if several else x

    def shares(n_choices=None):
        own = votes.shares(n_choices)
        return rows(own.unsqueeze(0)).squeeze(0) if several else own

    terms = {
        "gshard": lambda: losses.gshard(rows(probabilities()), shares(1)),
        "importance": lambda: losses.importance(rows(votes.dense_weights())),
        "load": lambda: losses.load(rows(chance())),
        "switch": lambda: losses.switch(rows(probabilities()), shares()),
        "z": lambda: sum(map(losses.z, logits())),
    }
    return sum(coefficient * terms[name]() for name, coefficient in coefficients.items())


def peers_in_training(gate: Any) -> Peers | None:
    """Return whose rows count to a gate: in eval and without gradients nobody waits for others."""
    return gate.peers if gate.training and torch.is_grad_enabled() else None


class LoadBias(nn.Module):
    """A bias for each expert that moves rows to idle experts and leaves gate weights alone.

    Parameters
    ----------
    n_experts : int
    rate : float
        Step of the bias, in units of probability.
    n_groups : int, default=1
        Experts are balanced within their group.
    peers : Peers, optional
        Whose loads are summed.

    References
    ----------
    Wang et al. (2024), Auxiliary-loss-free load balancing strategy for mixture-of-experts.
    """

    def __init__(self, n_experts: int, rate: float, n_groups: int = 1, peers: Peers = ALL):
        super().__init__()
        self.rate = rate
        self.n_groups = n_groups
        self.peers = peers
        # Whole numbers: no half-precision copy of the layer rounds a step away.
        self.register_buffer("steps", torch.zeros(n_experts, dtype=torch.long))
        # No buffer, which DistributedDataParallel would overwrite with the first process's.
        self._load_since = torch.zeros(n_experts, dtype=torch.long)
        self._weight_version = None  # of the gate when it was last observed

    def reset_parameters(self) -> None:
        """Start without a bias, and forget what was observed."""
        self.steps.zero_()
        self._load_since.zero_()
        self._weight_version = None

    @property
    def load_since(self) -> Tensor:
        """Load since the last update, of shape (n_experts,)."""
        return self._load_since

    def forward(self) -> Tensor:
        """Return the bias, of shape (n_experts,)."""
        return self.steps * self.rate

    @torch.no_grad()
    def observe(self, experts: Tensor, weight: Tensor | None = None) -> None:
        """Add choices to the load that the next update will see; weight is the gate's."""
        if weight is not None and not torch.compiler.is_compiling():
            self._warn_if_forgotten(weight)
        load = count(experts, self.steps.shape[0])
        if self._load_since.device != load.device:  # parameters alone were moved
            self._load_since = torch.zeros_like(load)
        self._load_since += load

    def _warn_if_forgotten(self, weight):
        version = None if weight.is_inference() else weight._version
        if self._weight_version not in (None, version):
            warnings.warn(
                f"The gate was trained without an update of its biases, with bias_rate={self.rate}."
                " Call update_biases(network) after each optimizer step, or use bias_rate=0.0.",
                stacklevel=2,
            )
            version = None
        self._weight_version = version

    @torch.no_grad()
    def update(self) -> None:
        """Move every bias by one step: up where the load was below the mean."""
        load = self.peers.total(self._load_since).view(self.n_groups, -1)
        self.steps += (load.sum(1, keepdim=True) - load.shape[1] * load).sign().flatten()
        self._load_since.zero_()
        self._weight_version = None

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self._load_since = fn(self._load_since)
        return self

    def extra_repr(self) -> str:
        """Name the settings."""
        return f"rate={self.rate}, n_groups={self.n_groups}"
