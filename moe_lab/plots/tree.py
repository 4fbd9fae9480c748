"""A picture of the gate's tree: where the trust flows."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from moe_lab.table.inputs import check_table

__all__ = ["plot_tree"]

LARGEST = 1100  # area of a node that every row reaches, in square points
WIDEST, NARROWEST = 9, 0.8  # its edge, and the edge that no row takes, in points


def plot_tree(mixture, X, ax=None):
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
    tree, mass = _tree_and_mass(mixture.gate_, check_table(mixture, X, reset=False))
    places = _places(tree)
    ax = _new_axes(places) if ax is None else ax
    for path, (x, y) in places.items():
        if path:
            ends = np.array([places[path[:-1]], (x, y)]).T
            ax.plot(*ends, color="0.75", linewidth=max(WIDEST * mass[path], NARROWEST), zorder=1)
    for path, (x, y) in places.items():
        _draw_node(ax, x, y, mass[path], _leaf(tree, path))
    depth = -min(y for _, y in places.values())
    ax.set(xlim=(-0.6, _n_leaves(tree) - 0.4), ylim=(-depth - 0.65, 0.3))
    ax.set_axis_off()
    return ax.figure


def _tree_and_mass(gate, X):
    """Return the nested list of experts, and the mean probability of reaching each path."""
    if hasattr(gate, "node_weights"):
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


def _draw_node(ax, x, y, mass, expert):
    color = "0.45" if expert is None else f"C{expert % 10}"
    ax.scatter(x, y, s=max(LARGEST * mass, 12), color=color, zorder=2)
    edge = np.sqrt(LARGEST * mass / np.pi) + 4  # points from the centre
    share = f"{mass:.0%}" if mass >= 0.005 or mass == 0 else "<1%"
    style = {"textcoords": "offset points", "annotation_clip": False}
    if expert is not None:
        below = {"xytext": (0, -edge), "ha": "center", "va": "top"}
        ax.annotate(f"expert {expert}\n{share}", (x, y), **below, **style)
    elif y < 0:
        beside = {"xytext": (edge, 0), "ha": "left", "va": "center", "color": "0.35", "fontsize": 9}
        ax.annotate(share, (x, y), **beside, **style)


def _new_axes(places):
    import matplotlib.pyplot as plt

    width = 1.6 + 0.95 * (max(x for x, _ in places.values()) + 1)
    height = 1.2 + 1.1 * -min(y for _, y in places.values())
    figure, ax = plt.subplots(figsize=(max(width, 3.5), height), layout="constrained")
    plt.close(figure)  # else it would show twice in a notebook, and stay in memory
    return ax
