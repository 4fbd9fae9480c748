"""Data-parallel training: what the processes that torchrun starts must agree on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import current_process
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

_alone = False  # whether others that have joined are not asked


def join(device: str) -> None:
    """Join the processes that torchrun started, where it did and none has joined them yet.

    Workers of a started process, such as joblib's, are not among them: each computes by itself.
    """
    if not distributed.is_available() or distributed.is_initialized():
        return
    if current_process().name != "MainProcess":
        return
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and "MASTER_ADDR" in os.environ:
        distributed.init_process_group("gloo" if device == "cpu" else "nccl")


def own_device(device: str) -> str:
    """Return this process's own card for "cuda"; every other device as it is.

    Examples
    --------
    >>> own_device("cpu")
    'cpu'
    """
    if device != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    return f"cuda:{os.environ['LOCAL_RANK']}"


def count(group: ProcessGroup | None = None) -> int:
    """Return how many processes of a group share the work; 1 where none have joined."""
    joined = distributed.is_available() and distributed.is_initialized()
    if not joined or _alone:
        return 1
    return max(1, distributed.get_world_size(group))  # -1 outside of the group


@contextmanager
def alone(really: bool = True) -> Iterator[None]:
    """Let this process work by itself for a block, whoever has joined it.

    Examples
    --------
    >>> with alone():
    ...     count()
    1
    """
    global _alone
    before, _alone = _alone, _alone or really
    try:
        yield
    finally:
        _alone = before


def number() -> int:
    """Return this process's number, from 0."""
    return distributed.get_rank() if count() > 1 else 0


def total(part: Tensor, group: ProcessGroup | None = None) -> Tensor:
    """Return the sum over all processes of a group, without a gradient."""
    part = part.detach().clone()
    if count(group) > 1:
        distributed.all_reduce(part, group=group)
    return part


class Peers:
    """The processes whose batches are one batch to balancing.

    Parameters
    ----------
    group : ProcessGroup, optional
        Default: all that have joined. It is not saved: a layer that is loaded has the default.
    """

    def __init__(self, group: ProcessGroup | None = None):
        self.group = group

    def __deepcopy__(self, memo):
        return self

    def __getstate__(self):
        return {"group": None}

    def total(self, part: Tensor) -> Tensor:
        """Return the sum over all of them, without a gradient."""
        return total(part, self.group)

    def several(self) -> bool:
        """Tell whether there are others."""
        return count(self.group) > 1

    def rows(self, x: Tensor, n: int | None = None) -> Tensor:
        """Return rows with the mean of all processes' rows: x, or where there are others one row.

        Its gradient goes to this process's rows: the mean of the processes' gradients is that of
        the whole batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
        n : int, optional
            How many rows x stands for, where it is their mean.
        """
        if not self.several():
            return x
        n = x.shape[0] if n is None else n
        mean = x.sum(0) / max(x.shape[0], 1)  # of no rows: zeros, with a gradient
        total = self.total(torch.cat([mean * n, mean.new_full((1,), n)]))
        sums, n_all = total[:-1], total[-1].clamp(min=1)
        mine = mean * (n * count(self.group) / n_all)
        return (mine + (sums / n_all - mine.detach())).unsqueeze(0)


ALL = Peers()


def share(parts: Iterable[Tensor]) -> None:
    """Give every process the first one's tensors."""
    for part in parts:
        distributed.broadcast(part, 0)


def check_same(fingerprint: str, device: str) -> None:
    """Raise a ValueError in every process unless all give the same fingerprint (hexadecimal)."""
    if count() == 1:
        return
    mine = torch.tensor(int(fingerprint[:15], 16), device=device)
    least, most = mine.clone(), mine.clone()
    distributed.all_reduce(least, distributed.ReduceOp.MIN)
    distributed.all_reduce(most, distributed.ReduceOp.MAX)
    if not torch.equal(least, most):
        raise ValueError(
            f"X, y, sample_weight and random_state must be the same in all {count()} processes, "
            "got different ones. Read the whole table in each and set random_state: the rows are "
            "shared out by the trainer."
        )
