"""Step 4, pool: one answer from many.

A pooler merges the experts' predictions, of shape (n_samples, n_experts, n_outputs), by the gate
weights. Which merging is right depends on what the weights mean, and on what the answer is for.

- `linear`, the weighted mean, is the mean of the mixture density, and safe; it blurs two right
  answers into one between them. `log_linear` multiplies probabilities, so that one expert's *no*
  counts.
- `argmax` and `top_k` ask few experts, and so cost less; `confident` asks the surest.
- `median` and `vote` do not let one wild expert move the answer far.
- `learned`, the default, calibrates the weighted mean out of fold and adds a correction, small
  trees on the input and on what experts say. It says who moved an answer: ``moe.trust(X)``.

``needs(gate_weights)`` says which predictions a pooler will read; the others are never computed.

>>> import numpy as np
>>> from moe_lab.registry import poolers
>>> predictions = np.array([[[1.0], [3.0]]])  # one row, two experts
>>> poolers.create("linear").pool(predictions, np.array([[0.25, 0.75]]))
array([[2.5]])

How to write one: `Pooler`.
"""

from moe_lab.pool.base import Pooler

__all__ = ["Pooler"]
