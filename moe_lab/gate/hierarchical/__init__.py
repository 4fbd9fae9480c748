"""Hierarchical gate: a tree of node gates."""

from moe_lab.gate.hierarchical.gate import HierarchicalGate

__all__ = ["HierarchicalGate"]
