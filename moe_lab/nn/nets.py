"""Two-layer experts on the CPU as one step of autograd, expert by expert in the cache.

Written out by hand because this is what costs: rows are gathered, multiplied and, in backward,
weighted one expert at a time, so that little of the size of all dispatched rows is read or
written, and each expert's gradients go straight to their place.
"""

# shapes: (n)samples, (e)xperts, (d)features, (h)idden, (k) choices of a row, m = k * n,
# (c) rows of one expert

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from moe_lab.nn.choice import NARROW
from moe_lab.nn.dispatch import Plan, sum_choices


class Weights(NamedTuple):
    """The weights of all experts, of one expert, or their gradients."""

    w1: Tensor  # (e, d, h)
    w2: Tensor  # (e, h, o)
    w_gated: Tensor | None  # (e, d, h)
    b1: Tensor | None  # (e, h)
    b2: Tensor | None  # (e, o)

    def of(self, i: int) -> "Weights":
        """Return the weights of one expert."""
        return Weights(*(None if one is None else one[i] for one in self))

    def unbind(self) -> list["Weights"]:
        """Return the weights of every expert, as views."""
        n_experts = len(self.w1)
        parts = [[None] * n_experts if one is None else one.unbind(0) for one in self]
        return [Weights(*one) for one in zip(*parts, strict=True)]


class Hidden(NamedTuple):
    """The hidden layer: activation(x w1 + b1), times x w_gated where there is one."""

    activation: Callable

    def forward(self, x: Tensor, w: Weights) -> tuple[Tensor, list[Tensor]]:
        """Return the hidden layer and what its backward needs, each of shape (c, h)."""
        before = x @ w.w1 if w.b1 is None else torch.addmm(w.b1, x, w.w1)
        if self._is_relu(w):
            before.relu_()
            return before, [before]
        before = [before] if w.w_gated is None else [before, x @ w.w_gated]
        return self._act(*before), before

    def again(self, before: list[Tensor], w: Weights):
        """Return the hidden layer, and from its gradient that of what came before."""
        if self._is_relu(w):
            (after,) = before
            return after, lambda grad: (torch.ops.aten.threshold_backward(grad, after, 0),)
        with torch.enable_grad():
            before = [one.detach().requires_grad_() for one in before]
            after = self._act(*before)
        return after.detach(), lambda grad: torch.autograd.grad(after, before, grad)

    def _is_relu(self, w):
        return self.activation is F.relu and w.w_gated is None

    def _act(self, a, b=None):
        a = self.activation(a)
        return a if b is None else a * b


class _Nets(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, recompute, plan, sizes, x, gate_weights, *weights):
        weights = Weights(*weights)
        y = x.new_empty(len(plan.token), weights.w2.shape[2])  # (m, o)
        tokens, answers = plan.token.split(sizes), y.split(sizes)
        answers[-1].zero_()  # not dispatched
        kept = []
        for w, token, answer in zip(weights.unbind(), tokens, answers, strict=False):
            rows = x.index_select(0, token)  # (c, d)
            after, before = hidden.forward(rows, w)
            _product(after, w.w2, w.b2, answer)
            if not recompute:
                kept += before
        ctx.hidden, ctx.recompute, ctx.sizes = hidden, recompute, sizes
        ctx.save_for_backward(x, gate_weights, *plan, *weights, *kept)
        return sum_choices(y, plan.slot, gate_weights)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, gate_weights, *saved = ctx.saved_tensors
        plan, weights, kept = Plan(*saved[:4]), Weights(*saved[4:9]), saved[9:]
        grad_rows = x.new_empty(len(plan.token), x.shape[1])  # (m, d)
        grad_gate = gate_weights.new_empty(len(plan.token))
        grads = Weights(*(None if one is None else torch.empty_like(one) for one in weights))
        gate_weights = gate_weights.reshape(-1).index_select(0, plan.order).unsqueeze(1)  # (m, 1)
        by_expert = zip(
            weights.unbind(),
            grads.unbind(),
            *(one.split(ctx.sizes) for one in (plan.token, gate_weights, grad_rows, grad_gate)),
            _kept_by_expert(ctx, kept, len(weights.w1)),
            strict=False,
        )
        for w, grad_w, token, weight, grad_row, grad_weight, before in by_expert:
            rows = x.index_select(0, token)  # reading them again costs less than keeping them
            before = before or ctx.hidden.forward(rows, w)[1]
            after, back = ctx.hidden.again(before, w)
            g = grad.index_select(0, token)  # (c, o)
            grad_after = g @ w.w2.t()  # (c, h)
            # The product with the answers themselves, which then need not be kept.
            torch.sum(grad_after * after, 1, out=grad_weight)
            if w.b2 is not None:
                grad_weight.add_(g @ w.b2)
            g.mul_(weight)
            grad_after.mul_(weight)
            _outer(after, g, grad_w.w2, grad_w.b2)
            grad_before = back(grad_after)
            _outer(rows, grad_before[0], grad_w.w1, grad_w.b1)
            _multiply(grad_before[0], w.w1.t(), grad_row)
            if w.w_gated is not None:
                _outer(rows, grad_before[1], grad_w.w_gated, None)
                grad_row.addmm_(grad_before[1], w.w_gated.t())
        for one in (grad_rows, grad_gate):
            one.split(ctx.sizes)[-1].zero_()  # not dispatched
        grad_gate = grad_gate.index_select(0, plan.slot.view(-1)).view_as(plan.slot)
        return None, None, None, None, sum_choices(grad_rows, plan.slot), grad_gate, *grads


def _product(x, w, bias, out):
    _multiply(x, w, out)
    if bias is not None:
        out.add_(bias)


def _multiply(a, b, out):
    # BLAS takes up to 6 times as long for a result of few columns as for one of few rows.
    if b.shape[1] < NARROW:
        out.copy_((b.t() @ a.t()).t())
    else:
        torch.mm(a, b, out=out)


def _outer(x, grad, out, bias_out):
    _multiply(x.t(), grad, out)
    if bias_out is not None:
        torch.sum(grad, 0, out=bias_out)


def _kept_by_expert(ctx, kept, n_experts):
    """Yield what came before the hidden layer of each expert; None where nothing was kept."""
    each = len(kept) // n_experts
    for i in range(n_experts):
        yield kept[each * i : each * (i + 1)] or None


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
