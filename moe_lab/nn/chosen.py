"""Logits of the chosen experts alone, whose backward does not touch the others.

With hundreds of experts, the gate's two dense products in backward would cost more than the
experts; only k of a row's logits have a gradient when no balancing loss reads the others.
"""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row, m = k * n

import torch
from torch import Tensor

from moe_lab.nn.choice import gate_product, top_experts
from moe_lab.nn.dispatch import plan

_FEW = 8  # dense products are as fast while there are so few experts for each choice


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, logits, experts):
        ctx.save_for_backward(x, w, experts)
        return logits.gather(1, experts)  # (n, k)

    @staticmethod
    def backward(ctx, grad):
        x, w, experts = ctx.saved_tensors
        rows = w.t().contiguous()  # (e, d)
        grad_x = torch.zeros_like(x)
        for one, chosen in zip(grad.unbind(1), experts.unbind(1), strict=True):
            grad_x.addcmul_(rows.index_select(0, chosen), one.unsqueeze(1))
        return grad_x, _grad_weight(x, grad, experts, w.shape[1]), None, None


def _grad_weight(x, grad, experts, n_experts):
    order = plan(experts.t(), None, n_experts)
    grad = grad.t().reshape(-1)  # (m,), choice by choice
    sorted_grad = torch.empty_like(grad).scatter_(0, order.slot.view(-1), grad)
    sizes = order.load.tolist()
    rows = x.index_select(0, order.token).split(sizes)  # (m, d)
    parts = zip(rows, sorted_grad.split(sizes), strict=True)
    return torch.stack([one.t() @ part for one, part in parts], dim=1)  # (d, e)


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
        logits = gate_product(x, w)
        experts = top_experts(logits, k)
    x, w = x.to(logits.dtype), w.to(logits.dtype)
    return experts, _Chosen.apply(x, w, logits, experts)


def _sparse_pays(x, n_experts, k):
    # Off the CPU and in compiled graphs the dense products need no sizes on the host.
    here = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return here and n_experts > _FEW * k
