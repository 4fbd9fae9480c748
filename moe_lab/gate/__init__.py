"""Step 3, gate: whom to trust."""

from moe_lab.gate.base import Gate
from moe_lab.gate.softmax import SoftmaxGate

__all__ = ["Gate", "SoftmaxGate"]
