"""Matrix products that lie as the CPU likes them, and none in half precision for a gate."""

# shapes: (n)samples, (e)xperts, (d)features

from contextlib import nullcontext

import torch
from torch import Tensor

FEW_EXPERTS = 32  # up to here, what runs over experts is faster on the CPU by columns
_NARROW = 12  # columns of a product for which its transpose is faster on the CPU


def gate_product(x: Tensor, w: Tensor) -> Tensor:
    """Return x w in float32 at least, autocast or not: rounded gates choose other experts."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    x, w = x.to(dtype), w.to(dtype)
    with no_autocast(x.device.type):
        if x.device.type == "cpu" and w.shape[1] <= FEW_EXPERTS:
            return (w.t() @ x.t()).t()
        return x @ w


def multiply(a: Tensor, b: Tensor, out: Tensor):
    """Write a b to `out`."""
    # BLAS takes up to 6 times as long for a result of few columns as for one of few rows.
    if b.shape[1] < _NARROW:
        out.copy_((b.t() @ a.t()).t())
    else:
        torch.mm(a, b, out=out)


def no_autocast(kind: str):
    """Return a context without autocast on a kind of device."""
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
