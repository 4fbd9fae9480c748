"""Matrix products that lie as the CPU likes them, and none in half precision for a gate."""

# shapes: (n)samples, (e)xperts, (d)features

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

FEW_EXPERTS = 32  # up to here, what runs over experts is faster on the CPU by columns
_NARROW = 12


def gate_product(x: Tensor, w: Tensor) -> Tensor:
    """Return x w in float32 at least, autocast or not: rounded gates choose other experts."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    x, w = x.to(dtype), w.to(dtype)
    with no_autocast(x.device.type):
        if x.device.type == "cpu" and w.shape[1] <= FEW_EXPERTS:
            return (w.t() @ x.t()).t()
        return x @ w


def room(like: Tensor, *shape: int) -> Tensor:
    """Return room for a product of this shape, or of several, (..., rows, columns)."""
    # BLAS takes up to 6 times as long to write few columns as to write few rows.
    if like.device.type == "cpu" and shape[-1] < _NARROW:
        return like.new_empty(*shape[:-2], shape[-1], shape[-2]).transpose(-1, -2)
    return like.new_empty(shape)


def no_autocast(kind: str) -> AbstractContextManager:
    """Return a context without autocast on a kind of device."""
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
