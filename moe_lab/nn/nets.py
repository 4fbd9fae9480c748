"""Two-layer experts on the CPU as one step of autograd, expert by expert in the cache.

Written out by hand because this is what costs: rows are gathered, multiplied and, in backward,
weighted one expert at a time in memory that the next one uses again, so that little of the size
of all dispatched rows is read or written, and each expert's gradients go straight to their place.
"""

# shapes: (n)samples, (e)xperts, (d)features, (h)idden, (k) choices of a row, m = k * n,
# (c) rows of one expert

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from moe_lab.nn.dispatch import Plan, by_row, sum_choices
from moe_lab.nn.products import multiply


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

    def forward(self, x: Tensor, w: Weights, before: list[Tensor]) -> Tensor:
        """Return the hidden layer (c, h), and write to `before` what its backward needs."""
        first = before[0]
        torch.mm(x, w.w1, out=first) if w.b1 is None else torch.addmm(w.b1, x, w.w1, out=first)
        if self._is_relu(w):
            return first.relu_()
        if w.w_gated is not None:
            torch.mm(x, w.w_gated, out=before[1])
        return self._act(*before)

    def again(self, before: list[Tensor], w: Weights):
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
        return [one.shape[-1] for one in (w.w1, w.w_gated) if one is not None]

    def _is_relu(self, w):
        return self.activation is F.relu and w.w_gated is None

    def _act(self, a, b=None):
        a = self.activation(a)
        return a if b is None else a * b


class _Nets(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, recompute, plan, sizes, x, gate_weights, *weights):
        weights, gate_weights = Weights(*weights), by_row(gate_weights)  # (n, k)
        m, widths = len(plan.token), hidden.widths(weights)
        y = x.new_empty(m, weights.w2.shape[2])  # (m, o)
        kept = [] if recompute else [x.new_empty(m, width) for width in widths]
        by_expert = zip(
            weights.unbind(),
            *(one.split(sizes) for one in (plan.token, y)),
            _in_turn(x, sizes, [x.shape[1]]),
            _by_expert(kept, sizes) or _in_turn(x, sizes, widths),
            strict=False,
        )
        for w, token, answer, (rows,), before in by_expert:
            torch.index_select(x, 0, token, out=rows)  # (c, d)
            multiply(hidden.forward(rows, w, before), w.w2, answer)
            if w.b2 is not None:
                answer.add_(w.b2)
        y.split(sizes)[-1].zero_()  # not dispatched
        ctx.hidden, ctx.sizes = hidden, sizes
        ctx.save_for_backward(x, gate_weights, *plan, *weights, *kept)
        return sum_choices(y, plan.slot, gate_weights)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, gate_weights, *saved = ctx.saved_tensors
        plan, weights, kept = Plan(*saved[:4]), Weights(*saved[4:9]), saved[9:]
        _, h, o = weights.w2.shape
        grad_rows = x.new_empty(len(plan.token), x.shape[1])  # (m, d)
        grad_gate = gate_weights.new_empty(len(plan.token))
        grads = Weights(*(None if one is None else torch.empty_like(one) for one in weights))
        sorted_weights = gate_weights.view(-1).index_select(0, plan.order)  # (m,)
        by_expert = zip(
            weights.unbind(),
            grads.unbind(),
            *(one.split(ctx.sizes) for one in (plan.token, sorted_weights, grad_rows, grad_gate)),
            _in_turn(x, ctx.sizes, [x.shape[1], o, h, h]),
            _by_expert(kept, ctx.sizes) or _in_turn(x, ctx.sizes, ctx.hidden.widths(weights)),
            strict=False,
        )
        ones = x.new_ones(h)
        for w, grad_w, token, weight, grad_row, grad_weight, scratch, before in by_expert:
            rows, g, grad_after, product = scratch  # (c, d), (c, o), (c, h), (c, h)
            torch.index_select(x, 0, token, out=rows)  # again costs less than keeping them
            torch.index_select(grad, 0, token, out=g)
            if not kept:
                ctx.hidden.forward(rows, w, before)
            after, back = ctx.hidden.again(before, w)
            torch.mm(g, w.w2.t(), out=grad_after)
            # The product with the answers themselves, which then need not be kept.
            torch.mv(torch.mul(grad_after, after, out=product), ones, out=grad_weight)
            if w.b2 is not None:
                grad_weight.add_(g @ w.b2)
                torch.mv(g.t(), weight, out=grad_w.b2)
            multiply(after.t(), g.mul_(weight.unsqueeze(1)), grad_w.w2)
            grad_before = back(grad_after)
            multiply(grad_before[0], w.w1.t(), grad_row)
            rows.mul_(weight.unsqueeze(1))  # weighs the gradients of what these rows go through
            multiply(rows.t(), grad_before[0], grad_w.w1)
            if w.b1 is not None:
                torch.mv(grad_before[0].t(), weight, out=grad_w.b1)
            if w.w_gated is not None:
                multiply(rows.t(), grad_before[1], grad_w.w_gated)
                grad_row.addmm_(grad_before[1], w.w_gated.t())
        for one in (grad_rows, grad_gate):
            one.split(ctx.sizes)[-1].zero_()  # not dispatched
        grad_gate = grad_gate.index_select(0, plan.slot.view(-1)).view_as(plan.slot)
        grad_gate = torch.stack(grad_gate.unbind(1))  # (k, n)
        return *(None,) * 4, sum_choices(grad_rows, plan.slot, gate_weights), grad_gate, *grads


def _by_expert(tensors, sizes):
    """Return each expert's rows of each tensor."""
    return list(zip(*(one.split(sizes) for one in tensors), strict=True))


def _in_turn(like, sizes, widths):
    """Return rows for each expert, (c, width) each, in memory that the next one uses again."""
    whole = [like.new_empty(max(sizes[:-1]), width) for width in widths]
    return [[one[:size] for one in whole] for size in sizes]


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
    sizes = plan.load.tolist()
    sizes.append(len(plan.token) - sum(sizes))
    return _Nets.apply(hidden, recompute, plan, sizes, x, gate_weights, *weights)
