"""How many threads torch computes on."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Compute a block on one thread, and leave the setting as it was.

    Sums then come out the same however many nets train side by side. Small steps gain little from
    more threads, and where other work keeps the cores busy they wait for each other many times as
    long as they compute.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if wanted else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
