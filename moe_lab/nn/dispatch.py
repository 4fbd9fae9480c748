"""Dispatch: sort the chosen rows by expert, and put the experts' answers back in order.

No tensor of rows x experts x capacity exists, every shape is known before the data, and backward
gathers where autograd would add by index, which is slower and on CUDA not repeatable.
"""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row, m = k * n dispatched rows

from typing import NamedTuple

import torch


class Plan(NamedTuple):
    """Who goes where: expert by expert, and what is not dispatched last."""

    token: torch.Tensor  # (m,): the row behind each place of the sorted order
    slot: torch.Tensor  # (k, n): the place of each choice in the sorted order
    ends: torch.Tensor  # (e,): where each expert's places end

    @property
    def load(self) -> torch.Tensor:
        """Rows of each expert, of shape (n_experts,)."""
        return self.ends.diff(prepend=self.ends.new_zeros(1))


def plan(experts: torch.Tensor, kept: torch.Tensor | None, n_experts: int) -> Plan:
    """Sort the choices by expert.

    Parameters
    ----------
    experts : Tensor of shape (k, n_samples)
        The experts that each row chose.
    kept : Tensor of shape (k, n_samples) or None
        False where a choice is not dispatched; None dispatches all.
    n_experts : int
        How many experts there are.

    Examples
    --------
    >>> plan(torch.tensor([[1, 0, 1]]), None, 2).token
    tensor([1, 0, 2])
    """
    k, n = experts.shape
    key = experts if kept is None else torch.where(kept, experts, n_experts)
    by_expert, order = _sorted(key.reshape(-1), n_experts)  # (m,)
    slot = torch.empty_like(order).scatter_(0, order, _places(order))
    token = order if k == 1 else order.remainder(n)
    return Plan(token, slot.view(k, n), _ends(by_expert, n_experts))


def within_capacity(experts, kept, n_experts, capacity, group=None, n_groups=1):
    """Tell which choices an expert still has room for: all firsts by row, then all seconds.

    Parameters
    ----------
    experts : Tensor of shape (k, n_samples)
    kept : Tensor of shape (k, n_samples) or None
        False where a choice takes no room.
    capacity : int
        Rows that an expert takes, in each group.
    group : Tensor of shape (k, n_samples), optional
        Rows share an expert's room with those of their group.

    Returns
    -------
    fits : Tensor of shape (k, n_samples); rank : Tensor of shape (k, n_samples)
        The choice's rank among those of its expert and group.
    """
    cells = n_experts * n_groups
    cell = experts if group is None else group * n_experts + experts
    cell = cell if kept is None else torch.where(kept, cell, cells)
    by_cell, order = _sorted(cell.reshape(-1), cells)
    starts = torch.nn.functional.pad(_ends(by_cell, cells), (1, 0))
    rank = _places(order) - starts.index_select(0, by_cell.long())
    rank = torch.empty_like(rank).scatter_(0, order, rank).view_as(experts)
    fits = rank < capacity
    return (fits if kept is None else fits & kept), rank


def _sorted(key, largest):
    # Torch sorts short integers by radix: twice as fast as long ones.
    short = torch.int16 if largest < 2**15 else torch.int32
    return torch.sort(key.to(short), stable=True)


def _ends(sorted_key, n):
    return torch.searchsorted(
        sorted_key, torch.arange(n, dtype=sorted_key.dtype, device=sorted_key.device), right=True
    )


def _places(order):
    return torch.arange(len(order), device=order.device)


class _Gather(torch.autograd.Function):
    """Rows in the order of their experts."""

    @staticmethod
    def forward(ctx, x, token, slot):
        ctx.save_for_backward(slot)
        return x.index_select(0, token)  # (m, d); x[token] is 2 to 4 times slower

    @staticmethod
    def backward(ctx, grad):
        (slot,) = ctx.saved_tensors
        total = grad.index_select(0, slot[0])  # (n, d)
        for one in slot[1:]:
            total = total + grad.index_select(0, one)
        return total, None, None


class _Combine(torch.autograd.Function):
    """Sum of a row's answers, each times its gate weight."""

    @staticmethod
    def forward(ctx, y, gate_weights, token, slot):
        ctx.save_for_backward(y, gate_weights, token, slot)
        total = y.index_select(0, slot[0]) * gate_weights[0].unsqueeze(1)  # (n, d)
        for one, weight in zip(slot[1:], gate_weights[1:], strict=True):
            total.addcmul_(y.index_select(0, one), weight.unsqueeze(1))
        return total

    @staticmethod
    def backward(ctx, grad):
        y, gate_weights, token, slot = ctx.saved_tensors
        grad = grad.index_select(0, token)  # (m, d)
        grad_weights = (grad * y).sum(1).index_select(0, slot.view(-1)).view_as(slot)
        # The inverse of `slot`, by a scatter: places are unique, so it is repeatable.
        weight = torch.empty_like(gate_weights.reshape(-1))
        weight = weight.scatter(0, slot.view(-1), gate_weights.reshape(-1))
        return grad * weight.unsqueeze(1), grad_weights, None, None


def gather(x: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Return the rows in the order of their experts, of shape (m, n_features)."""
    return _Gather.apply(x, plan.token, plan.slot)


def combine(y: torch.Tensor, gate_weights: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Return each row's answers, weighted and summed, of shape (n_samples, n_outputs).

    Parameters
    ----------
    y : Tensor of shape (m, n_outputs)
        Answers in the order of the plan.
    gate_weights : Tensor of shape (k, n_samples)
        Zero where a choice is not dispatched.
    """
    return _Combine.apply(y, gate_weights.to(y.dtype), plan.token, plan.slot)
