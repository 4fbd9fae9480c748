"""The plain gate on the CPU as one step of autograd, a block of rows in the cache at a time.

Written out by hand because with hundreds of experts a gate costs more than they do: nothing of
the size of rows x experts outlives its block, and where no balancing loss reads the other logits,
backward does not touch them.
"""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row, (b)lock of rows

from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from moe_lab.nn.choice import probabilities, top
from moe_lab.nn.dispatch import by_row, plan
from moe_lab.nn.products import FEW_EXPERTS, gate_product, no_autocast, room

_BLOCK = 2**17  # numbers of a block of rows that stays in the cache: 512 KB
FEW = 8  # dense products are as fast while there are so few experts for each choice


class Chosen(NamedTuple):
    """What a plain gate chose, and what the losses read of all its logits."""

    experts: Tensor  # (k, n)
    gate_weights: Tensor  # (k, n)
    mean_probability: Tensor | None  # (e,)
    log_normaliser: Tensor | None  # (n,): log sum exp of a row's logits


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, k, mean, norm):
        ctx.block = max(1, _BLOCK // w.shape[1])
        blocks = [x] if len(x) <= ctx.block else x.split(ctx.block)
        parts = [_look(rows, w, k, mean, norm or k == 1) for rows in blocks]
        values, experts, total, best, p = zip(*parts, strict=True)
        values, experts, best = _joined(values), _joined(experts), _joined(best)
        weights = values.softmax(0) if k > 1 else best.unsqueeze(0)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(experts)
        # Of several blocks, backward computes the probabilities again.
        ctx.save_for_backward(x, w, experts, weights, p[0] if len(p) == 1 else None)
        mean = sum(total[1:], start=total[0]) / max(len(x), 1) if mean else None
        return experts, weights, mean, values[0] - best.log() if norm else None

    @staticmethod
    @once_differentiable
    def backward(ctx, _, grad, of_mean, of_norm):
        x, w, experts, weights, p = ctx.saved_tensors
        grad = torch.zeros_like(weights) if grad is None else grad
        if len(grad) > 1:  # of the chosen logits, (k, n)
            grad = torch.ops.aten._softmax_backward_data(grad, weights, 0, weights.dtype)
        else:
            grad = grad * weights
            of_norm = -grad[0] if of_norm is None else of_norm - grad[0]
        with no_autocast(x.device.type):
            if of_mean is not None or of_norm is not None or w.shape[1] <= FEW * len(grad):
                of_mean = None if of_mean is None else of_mean / max(len(x), 1)
                grads = _dense_grads(x, w, experts, grad, (p, of_mean, of_norm), ctx.block)
            else:
                grads = _grad_x(x, w, experts, grad), _grad_w(x, w, experts, grad)
        return *grads, None, None, None


def _look(x, w, k, mean, best):
    """Return the k largest logits and their experts (k, b), and of all experts' probabilities,
    where they are wanted, the sums (e,), each row's largest (b,), and themselves (b, e)."""
    logits = gate_product(x, w)
    p = probabilities(logits) if mean or best else None
    values, experts = top(logits, k, spoil=True)
    return values.t(), experts.t(), p.sum(0) if mean else None, p.amax(1) if best else None, p


def _joined(parts):
    return parts[0] if len(parts) == 1 or parts[0] is None else torch.cat(parts, -1)


def _dense_grads(x, w, experts, grad, of_all, size):
    """Return the gradients by the chosen logits, and by what the losses read of all."""
    p, of_mean, of_norm = of_all
    grad_x, grad_w = room(x, *x.shape), _zeros(*w.shape, w)
    norms = repeat(None) if of_norm is None else of_norm.split(size)
    blocks = (x.split(size), experts.split(size, 1), grad.split(size, 1), grad_x.split(size))
    for rows, chosen, one, out, norm in zip(*blocks, norms, strict=False):
        total = _grad_logits(rows, w, p, of_mean, norm)
        total.t().scatter_add_(0, chosen, one)
        torch.mm(total, w.t(), out=out)
        grad_w.addmm_(rows.t(), total)
    return grad_x, grad_w


def _grad_logits(x, w, p, of_mean, of_norm):
    """Return the gradient of all logits, (b, e), from those of mean (e,) and normaliser (b,)."""
    if of_mean is None and of_norm is None:
        return _zeros(len(x), w.shape[1], w)
    p = probabilities(gate_product(x, w)) if p is None else p
    if of_mean is None:
        return p * of_norm.unsqueeze(1)
    of_row = p @ of_mean
    of_row = of_row.neg_() if of_norm is None else of_norm - of_row
    return torch.add(of_mean, of_row.unsqueeze(1), out=torch.empty_like(p)).mul_(p)


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


def chosen(x: Tensor, w: Tensor, k: int, *, mean: bool = False, norm: bool = False) -> Chosen:
    """Return the choice of the gate with logits x w; its gate weights are those of `top_weights`.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
    w : Tensor of shape (n_features, n_experts)
    k : int
    mean, norm : bool, default=False
        Whether to return the mean probabilities and the normalisers, which losses read.

    Examples
    --------
    >>> one = chosen(torch.ones(1, 1), torch.tensor([[3.0, 1.0, 2.0]]), 2, mean=True)
    >>> one.experts.flatten().tolist(), one.mean_probability
    ([0, 2], tensor([0.6652, 0.0900, 0.2447]))
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    return Chosen(*_Gate.apply(x.to(dtype), w.to(dtype), k, mean, norm))
