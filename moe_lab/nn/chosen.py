"""The plain gate on the CPU as one step of autograd, a block of rows in the cache at a time.

Written out by hand because with hundreds of experts a gate costs more than they do: nothing of
the size of rows x experts outlives its block, and where no balancing loss reads the other logits,
backward does not touch them.
"""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row, (b)lock of rows

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from moe_lab.nn.choice import probabilities, top
from moe_lab.nn.dispatch import by_row, plan
from moe_lab.nn.products import FEW_EXPERTS, gate_product, multiply, no_autocast

_BLOCK = 2**19  # numbers of a block of rows that stays in the cache: 2 MB
_FEW = 8  # dense products are as fast while there are so few experts for each choice


class Chosen(NamedTuple):
    """What a plain gate chose, and what the losses read of all its logits."""

    experts: Tensor  # (k, n)
    gate_weights: Tensor  # (k, n)
    mean_probability: Tensor | None  # (e,)
    log_normaliser: Tensor | None  # (n,): log sum exp of a row's logits


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, k, normalise):
        ctx.block = max(1, _BLOCK // w.shape[1])
        parts = [_look(rows, w, k, normalise) for rows in x.split(ctx.block)]
        values, experts, total, best, p = zip(*parts, strict=True)
        values, experts = torch.cat(values, 1), torch.cat(experts, 1)
        mean = norm = None
        if normalise:
            best = torch.cat(best)
            mean, norm = sum(total) / len(x), values[0] - best.log()
        weights = values.softmax(0) if k > 1 else best.unsqueeze(0)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(experts)
        # Of several blocks, backward computes the probabilities again.
        ctx.save_for_backward(x, w, experts, weights, p[0] if len(p) == 1 else None)
        return experts, weights, mean, norm

    @staticmethod
    @once_differentiable
    def backward(ctx, _, grad, of_mean, of_norm):
        x, w, experts, weights, p = ctx.saved_tensors
        grad = torch.zeros_like(weights) if grad is None else grad * weights
        if len(grad) > 1:
            grad -= weights * grad.sum(0)  # of the chosen logits, (k, n)
        else:
            of_norm = -grad[0] if of_norm is None else of_norm - grad[0]
        with no_autocast(x.device.type):
            if of_mean is not None or of_norm is not None:
                of_mean = w.new_zeros(w.shape[1]) if of_mean is None else of_mean / len(x)
                of_norm = x.new_zeros(len(x)) if of_norm is None else of_norm
                grads = _dense_grads(x, w, experts, grad, ctx.block, p, of_mean, of_norm)
            elif w.shape[1] <= _FEW * len(grad):
                grads = _dense_grads(x, w, experts, grad, ctx.block)
            else:
                grads = _grad_x(x, w, experts, grad), _grad_w(x, w, experts, grad)
        return *grads, None, None


def _look(x, w, k, normalise):
    """Return the k largest logits and their experts (k, b), and of all the experts' probabilities
    their sums (e,), each row's largest (b,), and themselves (b, e)."""
    logits = gate_product(x, w)
    p = probabilities(logits) if normalise else None
    values, experts = (one.t() for one in top(logits, k, spoil=True))
    return (values, experts, *((p.sum(0), p.amax(1), p) if normalise else (None,) * 3))


def _dense_grads(x, w, experts, grad, block, p=None, of_mean=None, of_norm=None):
    """Return the gradients by the chosen logits, and by what the losses read, if they do."""
    grad_x, grad_w = torch.empty_like(x), _zeros(*w.shape, w)
    parts = [one.split(block) for one in (x, experts.t(), grad.t(), grad_x)]
    norms = [None] * len(parts[0]) if of_norm is None else of_norm.split(block)
    for rows, chosen, one, out, norm in zip(*parts, norms, strict=True):
        total = _zeros(len(rows), w.shape[1], w)
        if norm is not None:
            ps = probabilities(gate_product(rows, w)) if p is None else p
            torch.add(of_mean, (norm - ps @ of_mean).unsqueeze(1), out=total).mul_(ps)
        total.scatter_add_(1, chosen, one)
        multiply(total, w.t(), out)
        grad_w.addmm_(rows.t(), total)
    return grad_x, grad_w


def _zeros(n, n_experts, like):
    if n_experts > FEW_EXPERTS:
        return like.new_zeros(n, n_experts)
    return like.new_zeros(n_experts, n).t()  # by columns, as gate_product's


def _grad_x(x, w, experts, grad):
    rows = w.t().contiguous()  # (e, d)
    total, grad = torch.empty_like(x), grad.unsqueeze(2)
    size = max(1, _BLOCK // len(w))
    parts = (total.split(size), experts.split(size, 1), grad.split(size, 1))
    for block, chosen, one in zip(*parts, strict=True):
        torch.mul(rows.index_select(0, chosen[0]), one[0], out=block)
        for j in range(1, len(chosen)):
            block.addcmul_(rows.index_select(0, chosen[j]), one[j])
    return total


def _grad_w(x, w, experts, grad):
    order = plan(experts, None, w.shape[1])
    sizes = order.load.tolist()
    grad = by_row(grad).view(-1).index_select(0, order.order).split(sizes)
    total = w.new_empty(w.shape[1], len(w))
    for one, tokens, part in zip(total, order.token.split(sizes), grad, strict=True):
        torch.mv(x.index_select(0, tokens).t(), part, out=one)
    return total.t()  # (d, e)


def chosen(x: Tensor, w: Tensor, k: int, *, normalise: bool) -> Chosen:
    """Return the choice of the gate with logits x w; its gate weights are those of `top_weights`.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
    w : Tensor of shape (n_features, n_experts)
    k : int
    normalise : bool
        Whether to return what the losses read; one choice needs it for its gate weight.

    Examples
    --------
    >>> one = chosen(torch.ones(1, 1), torch.tensor([[3.0, 1.0, 2.0]]), 2, normalise=True)
    >>> one.experts.flatten().tolist(), one.mean_probability
    ([0, 2], tensor([0.6652, 0.0900, 0.2447]))
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    return Chosen(*_Gate.apply(x.to(dtype), w.to(dtype), k, normalise or k == 1))
