"""Figures of mixtures and of comparisons.

Every function returns a matplotlib Figure that pyplot has forgotten: it shows where it is the last
value of a cell, and can be saved; nothing stays open. One that takes ``ax`` draws there and returns
the Figure it belongs to. An expert has one name and one colour in all of them.
"""

from moe_lab.plots.gate import plot_gate_weights
from moe_lab.plots.one_column import (
    plot_bands,
    plot_division,
    plot_experts,
    plot_gate,
    plot_pool,
)
from moe_lab.plots.plane import plot_regions, plot_trust
from moe_lab.plots.starts import plot_climb
from moe_lab.plots.tree import plot_tree

__all__ = [
    "plot_bands",
    "plot_climb",
    "plot_division",
    "plot_experts",
    "plot_gate",
    "plot_gate_weights",
    "plot_pool",
    "plot_regions",
    "plot_tree",
    "plot_trust",
]
