"""Tree gate: a decision tree on the input."""

from moe_lab.gate.tree.gate import TreeGate

__all__ = ["TreeGate"]
