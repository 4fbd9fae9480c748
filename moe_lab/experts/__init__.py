"""Step 2, experts: one model per subtask."""

from moe_lab.experts.base import Expert
from moe_lab.experts.estimator import EstimatorExpert
from moe_lab.experts.linear import LinearExpert
from moe_lab.experts.module import ModuleExpert
from moe_lab.experts.net import NetExpert

__all__ = ["EstimatorExpert", "Expert", "LinearExpert", "ModuleExpert", "NetExpert"]
