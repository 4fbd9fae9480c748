"""Figures of mixtures; every function returns a matplotlib Figure that pyplot has forgotten."""

from moe_lab.plots.gate import plot_gate_weights, plot_trust
from moe_lab.plots.tree import plot_tree

__all__ = ["plot_gate_weights", "plot_tree", "plot_trust"]
