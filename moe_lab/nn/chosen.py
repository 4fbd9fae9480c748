"""Logits of the chosen experts alone, whose backward does not touch the others.

With hundreds of experts, the gate's two dense products in backward would cost more than the
experts; only k of a row's logits have a gradient when no balancing loss reads the others.
"""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row, m = k * n

import torch
from torch import Tensor

from moe_lab.nn.choice import gate_product, top, top_experts
from moe_lab.nn.dispatch import plan

_BLOCK = 2**19  # numbers of a block of rows that stays in the cache: 2 MB
_FEW = 8  # dense products are as fast while there are so few experts for each choice


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, chosen, experts):
        ctx.save_for_backward(x, w, experts)
        return chosen.clone()  # (n, k)

    @staticmethod
    def backward(ctx, grad):
        x, w, experts = ctx.saved_tensors
        return _grad_x(grad, w, experts), _grad_weight(x, grad, experts, w.shape[1]), None, None


def _grad_x(grad, w, experts):
    rows = w.t().contiguous()  # (e, d)
    total = grad.new_empty(len(grad), w.shape[0])
    size = max(1, _BLOCK // w.shape[0])
    for block, one, chosen in zip(*(t.split(size) for t in (total, grad, experts)), strict=True):
        torch.mul(rows.index_select(0, chosen[:, 0]), one[:, :1], out=block)
        for j in range(1, grad.shape[1]):
            block.addcmul_(rows.index_select(0, chosen[:, j]), one[:, j : j + 1])
    return total


def _grad_weight(x, grad, experts, n_experts):
    order = plan(experts.t(), None, n_experts)
    sizes = order.load.tolist()
    grad = grad.t().reshape(-1).index_select(0, order.order).split(sizes)
    total = x.new_empty(n_experts, x.shape[1])
    for one, tokens, part in zip(total, order.token.split(sizes), grad, strict=True):
        torch.mv(x.index_select(0, tokens).t(), part, out=one)
    return total.t()  # (d, e)


def chosen_logits(x: Tensor, w: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest logits of every row and whose they are.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
    w : Tensor of shape (n_features, n_experts)

    Returns
    -------
    experts, logits : Tensors of shape (n_samples, k)

    Examples
    --------
    >>> experts, logits = chosen_logits(torch.ones(1, 1), torch.tensor([[3.0, 1.0, 2.0]]), 2)
    >>> experts.tolist(), logits.tolist()
    ([[0, 2]], [[3.0, 2.0]])
    """
    if not _sparse_pays(x, w.shape[1], k):
        logits = gate_product(x, w)
        experts = top_experts(logits, k)
        return experts, logits.gather(1, experts)
    with torch.no_grad():
        blocks = [top(gate_product(x, w), k) for x in x.split(max(1, _BLOCK // w.shape[1]))]
        chosen, experts = map(torch.cat, zip(*blocks, strict=True))
    return experts, _Chosen.apply(x.to(chosen.dtype), w.to(chosen.dtype), chosen, experts)


def _sparse_pays(x, n_experts, k):
    # Off the CPU and in compiled graphs the dense products need no sizes on the host.
    here = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return here and n_experts > _FEW * k
