"""Two-layer experts on the CPU as one step of autograd, a few experts in the cache at a time.

Written out by hand because this is what costs: rows are gathered, multiplied and, in backward,
weighted for a few experts at a time in memory that the next ones use again, so that little of the
size of all dispatched rows is read or written, and gradients go straight to their place.
"""

# shapes: (n)samples, (e)xperts, (d)features, (h)idden, (k) choices of a row, m = k * n,
# (c) rows of a group of experts

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from moe_lab.nn.dispatch import Plan, by_row, sum_choices
from moe_lab.nn.groups import Groups, outer, product
from moe_lab.nn.products import room


class Weights(NamedTuple):
    """The weights of all experts, of one expert, or their gradients."""

    w1: Tensor  # (e, d, h)
    w2: Tensor  # (e, h, o)
    w_gated: Tensor | None  # (e, d, h)
    b1: Tensor | None  # (e, h)
    b2: Tensor | None  # (e, o)

    def unbind(self) -> list["Weights"]:
        """Return the weights of every expert, as views."""
        n_experts = len(self.w1)
        parts = [[None] * n_experts if one is None else one.unbind(0) for one in self]
        return [Weights(*one) for one in zip(*parts, strict=True)]


class Hidden(NamedTuple):
    """The hidden layer: activation(x w1 + b1), times x w_gated where there is one."""

    activation: Callable

    def forward(self, x: Tensor, w: Weights, sizes: list[int], before: list[Tensor]) -> Tensor:
        """Return the hidden layer (c, h), and write to `before` what its backward needs."""
        product(x, w.w1, sizes, before[0], w.b1)
        if self._is_relu(w):
            return before[0].relu_()
        if w.w_gated is not None:
            product(x, w.w_gated, sizes, before[1])
        return self._act(*before)

    def again(self, before: list[Tensor], w: Weights) -> tuple[Tensor, Callable]:
        """Return the hidden layer, and from its gradient, spoilt, that of what came before."""
        if self._is_relu(w):
            (after,) = before
            back = torch.ops.aten.threshold_backward.grad_input
            return after, lambda grad: (back(grad, after, 0, grad_input=grad),)
        with torch.enable_grad():
            before = [one.detach().requires_grad_() for one in before]
            after = self._act(*before)
        return after.detach(), lambda grad: torch.autograd.grad(after, before, grad)

    def widths(self, w: Weights) -> list[int]:
        """Return the widths of what backward needs."""
        return [one.shape[2] for one in (w.w1, w.w_gated) if one is not None]

    def _is_relu(self, w):
        return self.activation is F.relu and w.w_gated is None

    def _act(self, a, b=None):
        a = self.activation(a)
        return a if b is None else a * b


class _Nets(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, recompute, plan, sizes, x, gate_weights, *weights):
        weights, gate_weights = Weights(*weights), by_row(gate_weights)  # (n, k)
        groups, widths = Groups(sizes, weights.w1.shape[2]), hidden.widths(weights)
        y = room(x, len(plan.token), weights.w2.shape[2])  # (m, o)
        kept = [] if recompute else [x.new_empty(len(y), width) for width in widths]
        by_group = zip(
            groups.sizes,
            groups.weights(weights),
            groups.rows(plan.token, y),
            groups.in_turn(x, x.shape[1]),
            groups.rows(*kept) if kept else groups.in_turn(x, *widths),
            strict=True,
        )
        for sizes, w, (token, answers), (rows,), before in by_group:
            torch.index_select(x, 0, token, out=rows)  # (c, d)
            after = hidden.forward(rows, w, sizes, before)
            product(after, w.w2, sizes, answers, w.b2)
        _fill_rest(groups.served, y)
        ctx.hidden, ctx.groups = hidden, groups
        ctx.save_for_backward(x, gate_weights, *plan, *weights, *kept)
        return sum_choices(y, plan.slot, gate_weights)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, gate_weights, *saved = ctx.saved_tensors
        plan, weights, kept = Plan(*saved[:4]), Weights(*saved[4:9]), saved[9:]
        grad_rows = room(x, len(plan.token), x.shape[1])  # (m, d)
        grad_gate = gate_weights.new_empty(len(plan.token))
        grads = Weights(*(None if one is None else room(one, *one.shape) for one in weights))
        weight = gate_weights.view(-1).index_select(0, plan.order).unsqueeze(1)  # (m, 1)
        sorted_rows = plan.token, weight, grad_rows, grad_gate
        _backward(ctx.hidden, ctx.groups, x, grad, weights, grads, sorted_rows, kept)
        _fill_rest(ctx.groups.served, grad_rows, grad_gate)
        grad_gate = grad_gate.index_select(0, plan.slot.view(-1)).view_as(plan.slot)
        grad_gate = torch.stack(grad_gate.unbind(1))  # (k, n)
        return *(None,) * 4, sum_choices(grad_rows, plan.slot, gate_weights), grad_gate, *grads


def _backward(hidden, groups, x, grad, weights, grads, sorted_rows, kept):
    """Write the gradients of the weights, the rows (before their weights) and the gate weights."""
    _, h, o = weights.w2.shape
    by_group = zip(
        groups.sizes,
        groups.weights(weights),
        groups.weights(grads),
        groups.rows(*sorted_rows),
        groups.in_turn(x, x.shape[1], o, h),
        groups.rows(*kept) if kept else groups.in_turn(x, *hidden.widths(weights)),
        strict=True,
    )
    for sizes, w, grad_w, one, (rows, g, grad_after), before in by_group:
        torch.index_select(x, 0, one[0], out=rows)  # again costs less than keeping them
        torch.index_select(grad, 0, one[0], out=g)
        if not kept:
            hidden.forward(rows, w, sizes, before)
        product(g, w.w2.transpose(1, 2), sizes, grad_after)
        _group_backward(hidden, sizes, w, grad_w, one[1:], rows, g, grad_after, before)


def _group_backward(hidden, sizes, w, grad_w, sorted_rows, rows, g, grad_after, before):
    weight, grad_row, grad_weight = sorted_rows  # (c, 1), (c, d), (c,)
    after, back = hidden.again(before, w)
    of_bias = None if w.b2 is None else _bias_backward(g, weight, w.b2, sizes, grad_w.b2)
    outer(after, g.mul_(weight), sizes, grad_w.w2)
    grad_before = back(grad_after)
    product(grad_before[0], w.w1.transpose(1, 2), sizes, grad_row)
    if w.b1 is not None:
        outer(weight, grad_before[0], sizes, grad_w.b1.unsqueeze(1))
    rows.mul_(weight)  # weighs the gradients of all that these rows go through
    outer(rows, grad_before[0], sizes, grad_w.w1)
    if w.w_gated is not None:
        outer(rows, grad_before[1], sizes, grad_w.w_gated)
        w_gated, plus = w.w_gated.transpose(1, 2), grad_row.split_with_sizes(sizes)
        product(grad_before[1], w_gated, sizes, grad_row, plus)
    # The product with the answers, which need not be kept; where relu gave 0, it is 0.
    torch.sum(grad_after.mul_(after), 1, out=grad_weight)
    if of_bias is not None:
        grad_weight += of_bias


def _bias_backward(g, weight, b2, sizes, grad_b2):
    """Write the gradient of the output's bias, and return that of the gate weights by it, (c,)."""
    outer(weight, g, sizes, grad_b2.unsqueeze(1))
    of_bias = torch.empty_like(weight)
    product(g, b2.unsqueeze(2), sizes, of_bias)
    return of_bias.squeeze(1)


def _fill_rest(served, *tensors):
    for one in tensors if served < len(tensors[0]) else ():  # not dispatched
        one[served:] = 0.0


def nets(
    hidden: Hidden,
    x: Tensor,
    gate_weights: Tensor,
    plan: Plan,
    weights: Weights,
    *,
    recompute: bool,
) -> Tensor:
    """Return the weighted sum of each row's answers.

    Parameters
    ----------
    hidden : Hidden
    x : Tensor of shape (n_samples, d)
    gate_weights : Tensor of shape (k, n_samples)
    plan : Plan
    weights : Weights
    recompute : bool
        Whether backward computes the hidden layer again.

    Returns
    -------
    y : Tensor of shape (n_samples, o)
    """
    recompute = recompute or not torch.is_grad_enabled()  # then nothing need be kept either
    return _Nets.apply(hidden, recompute, plan, plan.load.tolist(), x, gate_weights, *weights)
