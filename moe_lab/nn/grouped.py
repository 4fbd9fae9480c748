"""A matrix product of its own for every group of rows, as one operator that torch can trace.

The sizes of the groups stay on the device: on CUDA in bfloat16 `torch.nn.functional.grouped_mm`
reads them there; everything else loops over the groups, on CUDA at the price of one copy of the
sizes to the host.
"""

# shapes: (e)xperts, (d)features, (h)idden, m dispatched rows

import torch
from torch import Tensor
from torch.nn import functional as F

_ALIGNED = 16  # bytes; grouped_mm refuses other strides


@torch.library.custom_op("moe_lab::grouped_product", mutates_args=())
def grouped_product(x: Tensor, w: Tensor, ends: Tensor) -> Tensor:
    """Multiply each group of rows with its own matrix; rows after the last group give zeros.

    Parameters
    ----------
    x : Tensor of shape (m, d)
    w : Tensor of shape (n_experts, d, h)
    ends : Tensor of shape (n_experts,)
        Where each group ends.

    Returns
    -------
    y : Tensor of shape (m, h)

    Examples
    --------
    >>> x, w = torch.ones(3, 1), torch.tensor([[[2.0]], [[3.0]]])
    >>> grouped_product(x, w, torch.tensor([1, 2])).flatten()
    tensor([2., 3., 0.])
    """
    if not _kernel_takes(x, w):
        return _loop_product(x, w, ends)
    y = F.grouped_mm(x.contiguous(), w, offs=ends.int())
    served = torch.arange(len(x), device=x.device) < ends[-1]
    return torch.where(served.unsqueeze(1), y, 0.0)  # the kernel leaves those rows as they were


@torch.library.custom_op("moe_lab::grouped_outer", mutates_args=())
def grouped_outer(x: Tensor, y: Tensor, ends: Tensor) -> Tensor:
    """Multiply the two matrices of each group of rows: x^T y.

    Parameters
    ----------
    x : Tensor of shape (m, d)
    y : Tensor of shape (m, h)
    ends : Tensor of shape (n_experts,)

    Returns
    -------
    w : Tensor of shape (n_experts, d, h)
    """
    if not _kernel_takes(x, y):
        return _loop_outer(x, y, ends)
    return F.grouped_mm(x.contiguous().t(), y.contiguous(), offs=ends.int())


def _kernel_takes(*tensors):
    return all(
        one.device.type == "cuda"
        and one.dtype == torch.bfloat16
        and one.numel() > 0
        and one.shape[-1] * one.element_size() % _ALIGNED == 0
        for one in tensors
    ) and hasattr(F, "grouped_mm")


def _loop_product(x, w, ends):
    y = x.new_zeros(len(x), w.shape[-1])
    start = 0
    for i, end in enumerate(ends.tolist()):
        torch.mm(x[start:end], w[i], out=y[start:end])
        start = end
    return y


def _loop_outer(x, y, ends):
    w = x.new_empty(len(ends), x.shape[-1], y.shape[-1])
    start = 0
    for i, end in enumerate(ends.tolist()):
        torch.mm(x[start:end].t(), y[start:end], out=w[i])
        start = end
    return w


@grouped_product.register_fake
def _(x, w, ends):
    return x.new_empty(x.shape[0], w.shape[-1])


@grouped_outer.register_fake
def _(x, y, ends):
    return x.new_empty(ends.shape[0], x.shape[-1], y.shape[-1])


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _product_backward(ctx, grad):
    x, w, ends = ctx.saved_tensors
    grad_x = grouped_product(grad, w.transpose(1, 2), ends) if ctx.needs_input_grad[0] else None
    grad_w = grouped_outer(x, grad, ends) if ctx.needs_input_grad[1] else None
    return grad_x, grad_w, None


def _outer_backward(ctx, grad):
    x, y, ends = ctx.saved_tensors
    grad_x = grouped_product(y, grad.transpose(1, 2), ends)
    grad_y = grouped_product(x, grad, ends)
    return grad_x, grad_y, None


grouped_product.register_autograd(_product_backward, setup_context=_save)
grouped_outer.register_autograd(_outer_backward, setup_context=_save)
