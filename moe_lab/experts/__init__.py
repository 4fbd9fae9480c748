"""Step 2, experts: one model per subtask."""

from moe_lab.experts._net import NetExpert
from moe_lab.experts.base import EstimatorExpert, Expert
from moe_lab.experts.linear import LinearExpert
from moe_lab.experts.module import ModuleExpert

__all__ = ["EstimatorExpert", "Expert", "LinearExpert", "ModuleExpert", "NetExpert"]
