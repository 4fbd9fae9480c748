"""The gate of a two-level tree: its leaves' weights are products of those of the nodes."""

# shapes: (n)samples, (d)features, (eo) outer, (ei) inner experts, (ko, ki) choices at each level

from typing import Any

import torch
from torch import Tensor, nn

from moe_lab.nn.balance import Votes, balancing_loss, peers_in_training
from moe_lab.nn.choice import Choice, drop_overflow, top_weights
from moe_lab.nn.gating import LinearGate, chance_of_choice, choose, thin
from moe_lab.nn.indexing import take
from moe_lab.nn.processes import ALL, Peers
from moe_lab.nn.settings import GateSettings


class HierarchicalGate(nn.Module):
    """Choose groups for each row, and experts within each of them.

    Parameters
    ----------
    dim : int
        Features.
    n_experts : tuple of (n_outer, n_inner)
    outer, inner : GateSettings
        Losses and capacity are read from the outer ones.
    peers : Peers, optional
        Whose batches are one batch to the losses while training.
    """

    def __init__(
        self,
        dim: int,
        n_experts: tuple[int, int],
        outer: GateSettings,
        inner: GateSettings,
        peers: Peers = ALL,
    ):
        super().__init__()
        self.n_outer, self.n_inner = n_experts
        self.settings = (outer, inner)
        self.peers = peers
        options: dict[str, Any] = {
            "noisy": outer.noisy,
            "bias_rate": outer.bias_rate,
            "peers": peers,
        }
        self.outer = LinearGate(dim, self.n_outer, **options)
        self.inner = LinearGate(dim, self.n_outer * self.n_inner, n_groups=self.n_outer, **options)

    @property
    def weight(self) -> Tensor:
        """The outer gate's weight: on its device, in its dtype."""
        return self.outer.weight

    def forward(self, x: Tensor) -> Choice:
        """Choose the experts of every row.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
        """
        x = x.reshape(-1, x.shape[-1])
        outer, inner = (one.now(self.training) for one in self.settings)
        levels = [self.outer(x, self.training), self._by_group(self.inner(x, self.training))]
        if outer.n_choices is None:
            return self._choose_all(levels)
        groups, group_weights = self._choose_groups(levels[0][0], outer.n_choices)
        experts, weights = self._choose_within(levels[1][0], groups, inner.n_choices)
        self._observe(groups, experts)
        loss = self._loss(levels, experts, _product(group_weights, weights))

        group_weights, groups_kept = thin(group_weights, outer)
        weights, kept = thin(weights, inner)
        kept = None if kept is None else _product(groups_kept, kept)
        weights, kept, dropped = drop_overflow(
            experts,
            _product(group_weights, weights),
            kept,
            self.n_outer * self.n_inner,
            outer.capacity_factor,
        )
        return Choice(experts, weights, kept, loss, dropped)

    def _by_group(self, level):
        return [one if one is None else one.unflatten(1, (self.n_outer, -1)) for one in level]

    def _choose_groups(self, logits, k):
        groups = choose(logits, k, _bias(self.outer))  # (n, ko)
        return groups.t(), top_weights(logits, groups)  # (ko, n)

    def _choose_within(self, logits, groups, k):
        """Return experts (ko * ki, n), numbered over all groups, and weights (ki, ko * n)."""
        index = groups.unsqueeze(-1).expand(-1, -1, self.n_inner)  # (ko, n, ei)
        logits = take(logits.transpose(0, 1), index, 0).flatten(0, 1)  # (ko * n, ei)
        bias = _bias(self.inner)
        if bias is not None:
            bias = bias.view(self.n_outer, self.n_inner).index_select(0, groups.reshape(-1))
        chosen = choose(logits, k, bias)  # (ko * n, ki)
        leaf = groups.reshape(-1) * self.n_inner + chosen.t()  # (ki, ko * n)
        leaf = leaf.reshape(leaf.shape[0] * groups.shape[0], groups.shape[1])
        return leaf, top_weights(logits, chosen)

    def _observe(self, groups, experts):
        self.outer.observe(groups)
        self.inner.observe(experts)

    def _choose_all(self, levels):
        log_p = self._leaf_log_probabilities(levels)
        experts = torch.arange(log_p.shape[1], device=log_p.device).unsqueeze(1)
        experts = experts.expand(-1, log_p.shape[0])
        weights = log_p.exp().t()  # (e, n)
        loss = self._loss(levels, experts, weights)
        return Choice(experts, weights, None, loss, loss.new_zeros(()), everyone=True)

    def _leaf_log_probabilities(self, levels):
        (outer, _, _), (inner, _, _) = levels
        return (outer.log_softmax(-1).unsqueeze(-1) + inner.log_softmax(-1)).flatten(1)  # (n, e)

    def _loss(self, levels, experts, weights):
        return balancing_loss(
            self.settings[0].losses,
            Votes(self.n_outer * self.n_inner, experts, weights),
            peers_in_training(self),
            probabilities=lambda: self._leaf_log_probabilities(levels).exp(),
            logits=lambda: [clean for _, clean, _ in levels],
            chance=lambda: self._chance(levels),
        )

    def _chance(self, levels):
        ks = [one.now(self.training).n_choices for one in self.settings]
        outer, inner = (chance_of_choice(*one, k) for one, k in zip(levels, ks, strict=True))
        return (outer.unsqueeze(-1) * inner).flatten(1)  # (n, e)


def _bias(gate):
    return None if gate.load_bias is None else gate.load_bias()


def _product(outer, inner):
    """Multiply (ko, n) with (ki, ko * n) to (ki * ko, n): from levels to experts."""
    product = outer.reshape(1, -1) * inner
    return product.reshape(outer.shape[0] * inner.shape[0], outer.shape[1])
