"""Step 3, gate: whom to trust, said from the input alone.

A gate turns a row into gate weights ``g_k(x)``, one for each expert, which sum to 1. They are a
*prior*: said before y is known. Responsibilities, ``h_k(x, y)``, are the *posterior*, said after;
most gates are fitted to these, so that a row's weight goes to the expert that explains it best.
Some can be fitted to the loss of the pooled prediction instead (``fit_pooled``), which is what
counts where experts agree and only their average matters.

- `constant` has the same weights everywhere: the control that says what routing adds.
- `softmax` (Jordan & Jacobs, 1994) cuts the input by planes; `shrunk_softmax` does so only where
  held-out rows confirm it; `mlp` and `boosted` cut it in any shape; `gaussian` trusts an expert
  near its own rows (Xu, Jordan & Hinton, 1995).
- `tree` can be read; `column` and `rules` are what you know already.
- `hierarchical` is a tree of gates, whose products weight the experts at its leaves.
- `anchored` starts at the weights of a stack and departs where input and experts say so: the
  default.

>>> import numpy as np
>>> from moe_lab.gate import SoftmaxGate
>>> X, responsibilities = np.array([[-1.0], [1.0]]), np.eye(2)
>>> SoftmaxGate(C=1.0).fit(X, responsibilities).predict_proba(X).argmax(axis=1)
array([0, 1])

That weights vary does not say that it pays; `moe_lab.diagnose` does, on rows not seen. How to
write one: `Gate`.
"""

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
