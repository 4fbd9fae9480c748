"""Experts in groups whose hidden layers fit the cache, and their products on the CPU."""

# shapes: (e)xperts, (d)features, (h)idden, (c) rows of a group of experts

from collections.abc import Iterable
from itertools import repeat

import torch
from torch import Tensor

_CACHE = 2**17  # numbers of a hidden layer that stay in the cache with its gradient: 512 KB each


class Groups:
    """Experts side by side whose hidden layers fit the cache: what acts on numbers takes them all.

    Parameters
    ----------
    sizes : list of int
        Rows of each expert.
    width : int
        Of the hidden layer.
    """

    def __init__(self, sizes: list[int], width: int):
        self.sizes: list[list[int]] = []  # of each group's experts
        room = 0
        for size in sizes:
            room -= size * width
            if room >= 0 and self.sizes:
                self.sizes[-1].append(size)
            else:
                self.sizes.append([size])
                room = _CACHE - size * width
        self.n_experts = [len(one) for one in self.sizes]
        self.n_rows = [sum(one) for one in self.sizes]
        self.served = sum(self.n_rows)

    def weights(self, weights: tuple) -> list:
        """Return the weights of each group's experts."""
        nothing = [None] * len(self.sizes)
        parts = [
            nothing if one is None else one.split_with_sizes(self.n_experts) for one in weights
        ]
        return [type(weights)(*one) for one in zip(*parts, strict=True)]

    def rows(self, *tensors: Tensor) -> list[tuple[Tensor, ...]]:
        """Return each group's rows of the tensors."""
        parts = (one.narrow(0, 0, self.served).split_with_sizes(self.n_rows) for one in tensors)
        return list(zip(*parts, strict=True))

    def in_turn(self, like: Tensor, *widths: int) -> list[list[Tensor]]:
        """Return rows for each group, (c, width) each, in memory that the next one uses again."""
        whole = [like.new_empty(max(self.n_rows), width) for width in widths]
        return [[one.narrow(0, 0, n) for one in whole] for n in self.n_rows]


def product(
    x: Tensor, w: Tensor, sizes: list[int], out: Tensor, plus: Iterable[Tensor] | None = None
) -> None:
    """Write each expert's x w, plus something, to `out`."""
    plus = repeat(None) if plus is None else plus
    parts = x.split_with_sizes(sizes), w.unbind(0), out.split_with_sizes(sizes)
    for a, b, c, one in zip(*parts, plus, strict=False):
        torch.mm(a, b, out=c) if one is None else torch.addmm(one, a, b, out=c)


def outer(x: Tensor, y: Tensor, sizes: list[int], out: Tensor) -> None:
    """Write each expert's x^T y to `out`."""
    parts = x.t().split_with_sizes(sizes, 1), y.split_with_sizes(sizes), out.unbind(0)
    for a, b, c in zip(*parts, strict=True):
        torch.mm(a, b, out=c)
