"""Reading and writing by index; each is one operator in compiled graphs.

To Inductor a scatter is a buffer written in place, and where it reorders loops it loses the order
of that write and what reads it: rows over capacity were served, gates had wrong gradients (torch
2.13). Nothing is moved across an operator of one's own.
"""

# shapes: (n)samples, (e)xperts, (k) choices of a row, m places

import functools

import torch
from torch import Tensor


def _one_operator(function):
    """Make a function of tensors one operator in compiled graphs."""
    op = torch.library.custom_op(f"moe_lab::{function.__name__}", function, mutates_args=())

    @functools.wraps(function)
    def call(*args):
        return op(*args) if torch.compiler.is_compiling() else function(*args)

    call.op = op
    return call


@_one_operator
def take(x: Tensor, index: Tensor, dim: int) -> Tensor:
    """Return `x.gather(dim, index)`, for indices that differ along `dim`.

    Examples
    --------
    >>> take(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[2, 0]]), 1)
    tensor([[2., 3.]])
    """
    return x.gather(dim, index)


@_one_operator
def put(x: Tensor, index: Tensor, dim: int, size: int) -> Tensor:
    """Return zeros of this size along `dim` with x at the indices, which differ: undoes `take`.

    Examples
    --------
    >>> put(torch.tensor([[2.0, 3.0]]), torch.tensor([[2, 0]]), 1, 3)
    tensor([[3., 0., 2.]])
    """
    return _room(x, dim, size).zero_().scatter(dim, index, x)


@_one_operator
def unsort(x: Tensor, order: Tensor) -> Tensor:
    """Return numbers of shape (m,), which a sort brought into this order, as they lay before.

    Examples
    --------
    >>> unsort(torch.tensor([1, 2, 3]), torch.tensor([2, 0, 1]))
    tensor([2, 3, 1])
    """
    return torch.empty_like(x).scatter_(0, order, x)


@_one_operator
def count(experts: Tensor, n_experts: int) -> Tensor:
    """Return how often each expert was chosen, of shape (n_experts,).

    Examples
    --------
    >>> count(torch.tensor([[1, 0, 1]]), 3)
    tensor([1, 2, 0])
    """
    experts = experts.reshape(-1)
    total = torch.zeros(n_experts, dtype=torch.long, device=experts.device)
    return total.scatter_add_(0, experts, torch.ones_like(experts))


def _room(x, dim, size):
    shape = list(x.shape)
    shape[dim] = size
    return x.new_empty(shape)


def _save(ctx, inputs, output):
    x, index, dim, *_ = inputs
    ctx.save_for_backward(index)
    ctx.dim, ctx.size = dim, x.shape[dim]


def _take_backward(ctx, grad):
    return put.op(grad, *ctx.saved_tensors, ctx.dim, ctx.size), None, None


def _put_backward(ctx, grad):
    return take.op(grad, *ctx.saved_tensors, ctx.dim), None, None, None


take.op.register_fake(lambda x, index, dim: x.new_empty(index.shape))
put.op.register_fake(lambda x, index, dim, size: _room(x, dim, size))
unsort.op.register_fake(lambda x, order: torch.empty_like(x))
count.op.register_fake(lambda experts, n_experts: experts.new_empty(n_experts))
take.op.register_autograd(_take_backward, setup_context=_save)
put.op.register_autograd(_put_backward, setup_context=_save)
