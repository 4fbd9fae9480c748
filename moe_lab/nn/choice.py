"""What a gate decides: experts, gate weights, and which choices are dispatched at all."""

# shapes: (n)samples, (e)xperts, (k) choices of a row

import math
from typing import NamedTuple

import torch
from torch import Tensor

from moe_lab.nn.dispatch import within_capacity
from moe_lab.nn.indexing import take

_FEW_CHOICES = 4  # on the CPU torch's topk sorts: up to here, one maximum after the other is faster
_FEW_NUMBERS = 2**14


class Choice(NamedTuple):
    """A gate's decision, one row a choice: the first choices of all samples come first."""

    experts: Tensor  # (k, n)
    gate_weights: Tensor  # (k, n), zero where a choice is not dispatched
    kept: Tensor | None  # (k, n), False where a choice is not dispatched; None: all are
    loss: Tensor  # (), the balancing losses times their coefficients
    dropped: Tensor  # (), share of the choices that found no room
    everyone: bool = False  # whether every row asks every expert, in their order


def top_experts(logits: Tensor, k: int, ranked: Tensor | None = None) -> Tensor:
    """Return the k experts with the largest logits, or those that `ranked` puts first."""
    return top((logits if ranked is None else ranked).detach(), k)[1]  # (n, k)


def top(logits: Tensor, k: int, spoil: bool = False) -> tuple[Tensor, Tensor]:
    """Return the k largest of each row of (n_samples, n_experts) without a gradient: as topk does.

    Logits that may be spoilt are not copied first.

    Examples
    --------
    >>> top(torch.tensor([[3.0, 1.0, 2.0]]), 2)[1]
    tensor([[0, 2]])
    """
    if k > _FEW_CHOICES or logits.device.type != "cpu" or torch.compiler.is_compiling():
        return logits.topk(k, dim=-1)
    logits = logits if spoil or k == 1 else logits.clone()
    found = [_largest(logits)]
    for _ in range(1, k):
        logits.scatter_(1, found[-1][1].unsqueeze(1), -math.inf)
        found.append(_largest(logits))
    values, experts = zip(*found, strict=True)
    return torch.stack(values).t(), torch.stack(experts).t()


def _largest(logits):
    """Return each row's largest number and the first expert that has it."""
    if logits.numel() <= _FEW_NUMBERS:
        return logits.max(1)
    # max looks at one number after the other; these look at many.
    last = logits.shape[1] - 1
    value = logits.amax(1)
    back = torch.arange(last, -1, -1, dtype=logits.dtype, device=logits.device)
    is_largest = torch.eq(logits, value.unsqueeze(1), out=torch.empty_like(logits))
    return value, last - is_largest.mul_(back).amax(1).long()


def top_weights(logits: Tensor, experts: Tensor) -> Tensor:
    """Return softmax over the chosen logits; for one choice its probability among all.

    A single weight that is always 1 would leave the gate without a gradient.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_experts)
    experts : Tensor of shape (n_samples, k)

    Returns
    -------
    gate_weights : Tensor of shape (k, n_samples)
    """
    chosen = take(logits, experts, 1).t()  # (k, n)
    if chosen.shape[0] == 1:
        return (chosen - logits.logsumexp(-1)).exp()
    return chosen.softmax(0)


def probabilities(logits: Tensor) -> Tensor:
    """Return softmax over the experts, (n_samples, n_experts): by columns if they lie so."""
    if logits.device.type == "cpu" and logits.stride(0) == 1:
        return logits.t().softmax(0).t()
    return logits.softmax(1)


def thin_seconds(gate_weights: Tensor, policy: str, threshold: float) -> tuple[Tensor, Tensor]:
    """Decide by GShard's policies which second choices are dispatched; the rest goes to the first.

    Parameters
    ----------
    gate_weights : Tensor of shape (2, n_samples)
    policy : {"all", "threshold", "random"}
        "threshold" keeps a second whose gate weight is above the threshold, "random" keeps it
        with probability gate weight / threshold.

    Returns
    -------
    gate_weights, kept : Tensors of shape (2, n_samples); kept is None for "all"

    Examples
    --------
    >>> thin_seconds(torch.tensor([[0.9], [0.1]]), "threshold", 0.2)[0].flatten()
    tensor([1., 0.])
    """
    if policy == "all":
        return gate_weights, None
    first, second = gate_weights
    bar = torch.rand_like(second) * threshold if policy == "random" else threshold
    keep = second > bar
    thinned = torch.stack([torch.where(keep, first, 1.0), torch.where(keep, second, 0.0)])
    return thinned, torch.stack([torch.ones_like(keep), keep])


def capacity(n_choices: int, n_experts: int, factor: float) -> int:
    """Return the rows an expert has room for: its even share times the factor, rounded up.

    Examples
    --------
    >>> capacity(100, n_experts=8, factor=1.25)
    16
    """
    return max(1, math.ceil(n_choices * factor / n_experts))


def drop_overflow(
    experts: Tensor, gate_weights: Tensor, kept: Tensor | None, n_experts: int, factor: float | None
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Drop the choices that find no room; without a factor there is room for all.

    Returns
    -------
    gate_weights : Tensor of shape (k, n_samples); kept : the same, or None; dropped : Tensor, share
    """
    if factor is None or not experts.numel():
        return gate_weights, kept, gate_weights.new_zeros(())
    room = capacity(experts.numel(), n_experts, factor)
    fits, _ = within_capacity(experts, kept, n_experts, room)
    asked = experts.numel() if kept is None else kept.sum()
    dropped = 1 - fits.sum() / asked
    return torch.where(fits, gate_weights, 0.0), fits, dropped.to(gate_weights.dtype)
