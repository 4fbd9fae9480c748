"""Data-parallel training: what the processes that torchrun starts must agree on."""

import os
from multiprocessing import current_process

import torch
from torch import Tensor, distributed


def join(device: str):
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


def count() -> int:
    """Return how many processes share the work; 1 where none have joined."""
    joined = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if joined else 1


def number() -> int:
    """Return this process's number, from 0."""
    return distributed.get_rank() if count() > 1 else 0


def total(part: Tensor) -> Tensor:
    """Return the sum over all processes, without a gradient."""
    part = part.detach().clone()
    if count() > 1:
        distributed.all_reduce(part)
    return part


def share(parts):
    """Give every process the first one's tensors."""
    for part in parts:
        distributed.broadcast(part, 0)


def check_same(fingerprint: str, device: str):
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
