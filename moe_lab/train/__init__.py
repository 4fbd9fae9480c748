"""How gate and experts are trained together.

All trainers serve one likelihood, ``sum_i w_i log sum_k g_k(x_i) p_k(y_i | x_i)``, or the loss of
the pooled prediction. They differ in what is known before the others.

- `out_of_fold`, the default, for experts of different kinds: each is cross-fitted on all rows, a
  stack of them gives constant weights, the gate starts there, the pool learns last. Every step
  sees only predictions of models that had not seen the row.
- `em` (Jordan & Jacobs, 1994), for experts of one kind: responsibilities (the E-step), then each
  expert and the gate refitted to them (the M-step), until nothing changes. It finds regimes and
  yields a density; flexible experts are scored out of fold, or each would claim all its rows.
- `boosting` grows experts and gate as trees, together, on the gradient: a density at little cost.
- `gradient`, for torch experts and a torch gate, in minibatches, on CPU or GPU.

>>> import numpy as np
>>> from moe_lab import MoERegressor
>>> x = np.linspace(-1, 1, 80)[:, None]
>>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(x, np.abs(x[:, 0]))
>>> bool(moe.score(x, np.abs(x[:, 0])) > 0.9)
True

``history_`` has a row for each round. How to write one: `Trainer`, which is given `TrainingData`.
"""

from moe_lab.train.base import Trainer, TrainingData
from moe_lab.train.boosting import Boosting
from moe_lab.train.em import EM
from moe_lab.train.gradient import Gradient
from moe_lab.train.out_of_fold import OutOfFold

__all__ = ["EM", "Boosting", "Gradient", "OutOfFold", "Trainer", "TrainingData"]
