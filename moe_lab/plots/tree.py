"""A picture of the gate's tree: where the trust flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from moe_lab.gate.powers import IsTree
from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import colors, new_figure, wrapped
from moe_lab.registry.powers import has_power
from moe_lab.table import given_to
from moe_lab.table.inputs import read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["plot_tree"]

LARGEST = 1100  # area of a node that every row reaches, in square points
NAME = 14  # characters of a name's longest line
WIDEST, NARROWEST = 9, 0.8  # its edge, and the edge that no row takes, in points


def plot_tree(mixture: MoERegressor | MoEClassifier, X: Table, ax: Axes | None = None) -> Figure:
    """Draw the tree of a hierarchical gate and how the rows flow down to the experts.

    The area of a node and the width of the edge to it are the mean probability of reaching it. A
    flat gate is a tree of one level.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or array-like of shape (n_samples, n_features)
    ax : matplotlib Axes, optional

    Returns
    -------
    figure : matplotlib Figure
    """
    check_is_fitted(mixture)
    tree, mass = _tree_and_mass(mixture.gate_, read_table(mixture, X))
    places, names = _places(tree), _leaf_names(mixture, _n_leaves(tree))
    of_experts = colors(len(names))
    ax = _new_axes(places, names) if ax is None else ax
    for path, (x, y) in places.items():
        if path:
            ends = np.array([places[path[:-1]], (x, y)]).T
            ax.plot(*ends, color="0.75", linewidth=max(WIDEST * mass[path], NARROWEST), zorder=1)
    for path, (x, y) in places.items():
        expert = _leaf(tree, path)
        if expert is None:
            _draw_node(ax, x, y, mass[path])
        else:
            _draw_leaf(ax, x, y, mass[path], names[expert], of_experts[expert])
    depth = -min(y for _, y in places.values())
    ax.set(xlim=(-0.6, _n_leaves(tree) - 0.4), ylim=(-depth - _below(names), 0.3))
    ax.set_axis_off()
    return ax.figure


def _leaf_names(mixture, count):
    names = expert_names(mixture)
    names += [f"expert {k}" for k in range(len(names), count)]  # of a gate put in by hand
    return [wrapped(name, NAME) for name in names]


def _tree_and_mass(gate, X):
    """Return the nested list of experts, and the mean probability of reaching each path."""
    X = given_to(gate, X)
    if has_power(gate, IsTree):
        return gate.tree_, {path: p.mean() for path, p in gate.node_weights(X).items()}
    share = gate.predict_proba(X).mean(axis=0)
    return list(range(len(share))), {(): 1.0} | {(k,): mean for k, mean in enumerate(share)}


def _places(tree):
    """Return path -> (x, y): leaves side by side, a parent over the middle of its children."""
    places, n_leaves = {}, 0

    def place(node, path):
        nonlocal n_leaves
        if isinstance(node, int):
            places[path] = (float(n_leaves), -float(len(path)))
            n_leaves += 1
        else:
            children = [place(child, (*path, branch)) for branch, child in enumerate(node)]
            places[path] = ((children[0] + children[-1]) / 2, -float(len(path)))
        return places[path][0]

    place(tree, ())
    return places


def _n_leaves(tree):
    return 1 if isinstance(tree, int) else sum(map(_n_leaves, tree))


def _leaf(tree, path):
    """Return the expert's number at the end of a path, None at an inner node."""
    for branch in path:
        tree = tree[branch]
    return tree if isinstance(tree, int) else None


def _draw_node(ax, x, y, mass):
    edge = _draw_circle(ax, x, y, mass, "0.45")
    if y < 0:
        beside = {"xytext": (edge, 0), "ha": "left", "va": "center", "color": "0.35", "fontsize": 9}
        ax.annotate(_share(mass), (x, y), **beside, **_STYLE)


def _draw_leaf(ax, x, y, mass, name, color):
    below = {"xytext": (0, -_draw_circle(ax, x, y, mass, color)), "ha": "center", "va": "top"}
    ax.annotate(f"{name}\n{_share(mass)}", (x, y), parse_math=False, **below, **_STYLE)


_STYLE = {"textcoords": "offset points", "annotation_clip": False}


def _draw_circle(ax, x, y, mass, color):
    """Draw a node; return where it ends, in points from its centre."""
    ax.scatter(x, y, s=max(LARGEST * mass, 12), color=color, zorder=2)
    return np.sqrt(LARGEST * mass / np.pi) + 4


def _share(mass):
    return f"{mass:.0%}" if mass >= 0.005 or mass == 0 else "<1%"


def _below(names):
    """Return the room under the leaves, in levels of the tree."""
    return 0.5 + 0.15 * max(name.count("\n") + 1 for name in names)


def _new_axes(places, names):
    longest = max(len(line) for name in names for line in name.split("\n"))
    each = max(0.95, 0.09 * longest)
    width = 1.6 + each * (max(x for x, _ in places.values()) + 1)
    height = 0.6 + _below(names) + 1.1 * -min(y for _, y in places.values())
    return new_figure(width=max(width, 3.5), height=height)[1][0]
