"""The gate of the package mixture-of-experts 0.2.3, to the letter, and a loader of its weights.

Its top-2 gating follows the Mesh TensorFlow code of GShard (Lepikhin et al. 2021): capacity for
each row of the batch, gates normalised before seconds and overflow are dropped and never after.
"""

# shapes: (b)atch rows, (n)samples of one, (e)xperts, (d)features, r = b * n or its choices

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from moe_lab.nn.choice import Choice
from moe_lab.nn.dispatch import within_capacity
from moe_lab.nn.gating import LinearGate
from moe_lab.nn.indexing import count, take
from moe_lab.nn.settings import GateSettings, Settings

_EPS = 1e-9
_LEAST_CAPACITY = 4


class Groups(NamedTuple):
    """Which rows share the room of an expert."""

    index: Tensor  # (r,)
    count: int  # type: ignore[assignment]  # hides a tuple's own
    size: int  # places of a group, empty ones included


class Top2(NamedTuple):
    """One level's decision, one row a choice."""

    experts: Tensor  # (2, r)
    gate_weights: Tensor  # (2, r), zero where not dispatched
    rank: Tensor  # (2, r), among the choices of the same expert and group
    loss: Tensor  # ()
    asked: Tensor  # (), choices before capacity
    fitting: Tensor  # (), choices after capacity


class Top2Gate(nn.Module):
    """One level of the package's gating.

    Parameters
    ----------
    dim : int
        Features.
    n_experts : int
    settings : GateSettings

    Notes
    -----
    Shape: x (..., n, d); each index before the last two is a group with a capacity of its own.
    """

    def __init__(self, dim: int, n_experts: int, settings: GateSettings):
        super().__init__()
        self.n_experts = n_experts
        self.settings = settings
        self.linear = LinearGate(dim, n_experts, std=1.0)  # as unscaled as the package's

    @property
    def weight(self) -> Tensor:
        """The gate's weight: on its device, in its dtype."""
        return self.linear.weight

    def forward(self, x: Tensor) -> Choice:
        """Choose two experts for every row."""
        groups = batch_groups(x)
        logits, _, _ = self.linear(x.reshape(-1, x.shape[-1]))  # (r, e)
        settings = self.settings.now(self.training)
        top = choose_two(logits, settings, groups)
        loss = top.loss * self.settings.losses.get("gshard", 0.0)
        return Choice(
            top.experts, top.gate_weights, top.gate_weights != 0, loss, _share_dropped(top)
        )


def batch_groups(x: Tensor) -> Groups:
    """Return the groups of (..., n, d): a batch row each; (n, d) is one group."""
    x = x.unsqueeze(0) if x.ndim < 2 else x
    size = x.shape[-2]
    n_rows = x.numel() // x.shape[-1]
    count = n_rows // size if size else 0
    index = torch.arange(n_rows, device=x.device).div(max(size, 1), rounding_mode="floor")
    return Groups(index, count, size)


def choose_two(
    logits: Tensor,
    settings: Settings,
    groups: Groups,
    importance: Tensor | None = None,
    draws: Tensor | None = None,
) -> Top2:
    """Choose the two best experts of each row, by the package's rules.

    Parameters
    ----------
    logits : Tensor of shape (r, n_experts)
    importance : Tensor of shape (r,), optional
        1 for rows that are their group's first choice, 0.5 for second choices, which have no
        first expert here, and 0 for rows that are not there.
    draws : Tensor of shape (r,), optional
        Uniform numbers of the policy "random".
    """
    p = logits.softmax(-1)
    first_weight, first = _best(p)
    is_first = torch.ones_like(first, dtype=torch.bool) if importance is None else importance == 1
    first_weight = torch.where(is_first, first_weight, 0.0)
    every = torch.arange(p.shape[1], device=p.device)
    taken = is_first.unsqueeze(1) & (first.unsqueeze(1) == every)  # (r, e)
    second_weight, second = _best(p.masked_fill(taken, 0.0))
    experts = torch.stack([first, second])
    weights = torch.stack([first_weight, second_weight])
    weights = weights / (first_weight + second_weight + _EPS)

    is_second = _passes(weights.select(0, 1).detach(), settings, draws)
    if importance is not None:
        is_second = is_second & (importance > 0)
    kept = torch.stack([is_first, is_second])
    room = _capacity(groups.size, p.shape[1], settings.capacity_factor)
    fits, rank = within_capacity(
        experts, kept, p.shape[1], room, groups.index.expand(2, -1), groups.count
    )
    return Top2(
        experts,
        torch.where(fits, weights, 0.0),
        rank,
        _loss(p, first, is_first, groups),
        kept.sum(),
        fits.sum(),
    )


def _best(p):
    index = p.detach().topk(1, dim=-1).indices
    return take(p, index, 1).squeeze(1), index.squeeze(1)


def _passes(second, settings, draws):
    policy, threshold = settings.second_policy, settings.second_threshold
    if policy == "random":
        draws = torch.rand_like(second) if draws is None else draws
        return draws < second / max(threshold, _EPS)
    if policy == "threshold":
        return second > threshold
    return torch.full_like(second, policy == "all", dtype=torch.bool)


def _capacity(size, n_experts, factor):
    return max(min(size, math.floor(size * factor / n_experts)), _LEAST_CAPACITY)


def _loss(p, first, is_first, groups):
    """Mean over groups and experts of share of firsts x mean probability, x n_experts^2."""
    n_experts = p.shape[1]
    cell = groups.index * n_experts + first  # (r,)
    cells = groups.count * n_experts
    firsts = count(torch.where(is_first, cell, cells), cells + 1).narrow(0, 0, cells)
    firsts = firsts.view(groups.count, n_experts).index_select(0, groups.index)  # (r, e)
    total = ((p * firsts).sum(1) * is_first).sum()
    return total * (n_experts / max(groups.size, 1) ** 2 / max(groups.count, 1))


def _share_dropped(*levels):
    kept = 1.0
    for top in levels:
        kept = kept * top.fitting / top.asked.clamp(min=1)
    return (1 - kept).to(levels[0].gate_weights.dtype)


class Top2HierarchicalGate(nn.Module):
    """Two levels of the package's gating; a group's own experts are chosen among its places.

    Parameters
    ----------
    dim : int
        Features.
    n_experts : tuple of (n_outer, n_inner)
    settings : GateSettings
    """

    def __init__(self, dim: int, n_experts: tuple[int, int], settings: GateSettings):
        super().__init__()
        self.n_outer, self.n_inner = n_experts
        self.settings = settings
        self.outer = LinearGate(dim, self.n_outer, std=1.0)
        self.inner = LinearGate(dim, self.n_outer * self.n_inner, std=1.0)

    @property
    def weight(self) -> Tensor:
        """The outer gate's weight: on its device, in its dtype."""
        return self.outer.weight

    def forward(self, x: Tensor) -> Choice:
        """Choose up to four experts for every row."""
        settings = self.settings.now(self.training)
        rows, groups = x.reshape(-1, x.shape[-1]), batch_groups(x)
        outer = choose_two(self.outer(rows)[0], settings, groups)
        inner = self._choose_inner(rows, outer, settings, groups)
        leaf = outer.experts.reshape(1, -1) * self.n_inner + inner.experts  # (2, 2r)
        weights = outer.gate_weights.reshape(1, -1) * inner.gate_weights
        coefficient = self.settings.losses.get("gshard", 0.0)
        r = rows.shape[0]
        return Choice(
            leaf.view(4, r),
            weights.view(4, r),
            weights.view(4, r) != 0,
            (outer.loss + inner.loss) * coefficient,
            _share_dropped(outer, inner),
        )

    def _choose_inner(self, rows, outer, settings, groups):
        size = _capacity(groups.size, self.n_outer, settings.capacity_factor)
        logits, _, _ = self.inner(rows)
        logits = logits.view(-1, self.n_outer, self.n_inner)  # (r, eo, ei)
        index = outer.experts.unsqueeze(-1).expand(-1, -1, self.n_inner)  # (2, r, ei)
        logits = take(logits.transpose(0, 1), index, 0).flatten(0, 1)  # (2r, ei)
        weight = outer.gate_weights.detach().flatten()
        importance = 0.5 * ((weight > 0.5).to(weight.dtype) + (weight > 0).to(weight.dtype))
        cell = (outer.experts * groups.count + groups.index).flatten()  # (2r,)
        draws = None
        if settings.second_policy == "random":
            # One number for each place, as there, so that one seed gives both the same.
            places = torch.rand(
                self.n_outer * groups.count * size, dtype=weight.dtype, device=weight.device
            )
            place = cell * size + outer.rank.flatten().clamp(max=size - 1)
            draws = places.index_select(0, place)
        inner_groups = Groups(cell, self.n_outer * groups.count, size)
        return choose_two(logits, settings, inner_groups, importance, draws)
