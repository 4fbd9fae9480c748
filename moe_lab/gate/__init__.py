"""Step 3, gate: whom to trust."""

from moe_lab.gate.base import Gate
from moe_lab.gate.boosted import BoostedGate
from moe_lab.gate.column import ColumnGate
from moe_lab.gate.constant import ConstantGate
from moe_lab.gate.gaussian import GaussianGate
from moe_lab.gate.hierarchical import HierarchicalGate
from moe_lab.gate.mlp import MLPGate
from moe_lab.gate.rules import RulesGate
from moe_lab.gate.shrunk_softmax import ShrunkSoftmaxGate
from moe_lab.gate.softmax import SoftmaxGate
from moe_lab.gate.tree import TreeGate

__all__ = [
    "BoostedGate",
    "ColumnGate",
    "ConstantGate",
    "Gate",
    "GaussianGate",
    "HierarchicalGate",
    "MLPGate",
    "RulesGate",
    "ShrunkSoftmaxGate",
    "SoftmaxGate",
    "TreeGate",
]
