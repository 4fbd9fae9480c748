"""Trees of experts as nested lists: ``[[0, 1], [2, 3]]`` has four experts and three nodes."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np


def leaves(tree: int | tuple) -> list[int]:
    """Return the experts' numbers from left to right."""
    return [tree] if isinstance(tree, int) else [leaf for child in tree for leaf in leaves(child)]


def nodes(tree: int | tuple, path: tuple = ()) -> Iterator[tuple[tuple, tuple]]:
    """Yield (path, node) for every inner node, parents first."""
    if not isinstance(tree, int):
        yield path, tree
        for branch, child in enumerate(tree):
            yield from nodes(child, (*path, branch))


def balanced_tree(branches: int | list[int], n_experts: int) -> int | tuple:
    """Return a balanced tree over ``n_experts`` leaves.

    Parameters
    ----------
    branches : int or list of int
        Of every node, or of the nodes at each depth.

    Examples
    --------
    >>> balanced_tree(2, 5)
    [[[0, 1], 2], [3, 4]]
    >>> balanced_tree([3, 2], 6)
    [[0, 1], [2, 3], [4, 5]]
    """
    depths = list(branches) if isinstance(branches, list | tuple) else [branches]
    if not depths or not all(isinstance(b, Integral) and b >= 2 for b in depths):
        raise ValueError(f"Every node must have at least 2 branches, got branches={branches!r}.")
    return _grow(depths, list(range(n_experts)))


def _grow(depths, experts):
    if len(experts) == 1:
        return experts[0]
    n_branches, deeper = min(depths[0], len(experts)), depths[1:] or depths
    size, longer = divmod(len(experts), n_branches)
    children, first = [], 0
    for branch in range(n_branches):
        last = first + size + (branch < longer)
        children.append(_grow(deeper, experts[first:last]))
        first = last
    return children


def check_tree(tree: Any, n_experts: int) -> tuple:
    """Return a tree whose leaves are the experts 0..n_experts-1, once each.

    Raises
    ------
    ValueError
        If they are not, or a node has fewer than two branches.
    TypeError
        If it is no nested list of whole numbers.
    """
    tree = _read(tree)
    if sorted(leaves(tree)) != list(range(n_experts)):
        raise ValueError(
            f"The leaves of tree must be the experts 0..{n_experts - 1}, once each, got {tree!r}. "
            "Set n_experts to the number of leaves, or pass branches=2 for a balanced tree."
        )
    if any(len(node) < 2 for _, node in nodes(tree)):
        raise ValueError(f"Every node must have at least 2 branches, got tree={tree!r}.")
    return tree


def _read(tree):
    """Return it as nested lists of int, whatever sequences and whole numbers it is made of."""
    if isinstance(tree, Integral):
        return int(tree)
    if not isinstance(tree, list | tuple | np.ndarray):
        raise TypeError(
            "tree must be a nested list of the experts' numbers, such as [[0, 1], [2, 3]], got "
            f"{tree!r} in it."
        )
    return [_read(child) for child in tree]


def prune(tree: int | tuple, dropped: set[int]) -> Any:
    """Return the tree without some leaves; the others are renumbered, single branches shortened.

    Examples
    --------
    >>> prune([[0, 1], [2, [3, 4]]], {1, 3})
    [0, [1, 2]]
    """
    kept = {old: new for new, old in enumerate(sorted(set(leaves(tree)) - dropped))}
    return _kept(tree, kept)


def _kept(tree, kept):
    if isinstance(tree, int):
        return kept.get(tree)
    children = [child for child in (_kept(child, kept) for child in tree) if child is not None]
    return children[0] if len(children) == 1 else children or None
