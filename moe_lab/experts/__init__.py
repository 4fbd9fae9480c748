"""Step 2, experts: one model for each subtask.

An expert predicts a mean or class probabilities; for EM and for densities also how probable a
target is (``log_prob``), by default a Gaussian with a noise scale that is measured on held-out
rows. Any scikit-learn estimator is an expert as it stands; a fitted one in ``FrozenEstimator``,
the class of a torch Module and another mixture are, too. It takes the table as it comes, with
text, categories and missing values, and does its own preparation.

- Of lines: `linear`, the expert of 1994; `linear_mixture`, a small mixture of lines as one expert.
- Of trees: `lightgbm`, `xgboost`, `catboost`, `extra_trees`; trees of `linear_start` grow from
  a line, those of `linear_leaves` end in lines.
- Of neighbours and nets: `k_nearest`, `mlp`, `tabm`, `sparse_moe`.
- Of the other experts, for pools that do not learn: `stacker` weighs them, `residual_stacker`
  corrects that.

What pays is difference, not number: experts that err on the same rows leave a gate nothing to
choose. ``experts="auto"`` is a pool of families by task and rows (`moe_lab.experts.pools`), of
which those are dropped that get no weight out of fold.

>>> from moe_lab.registry import experts
>>> line = experts.create("linear", alpha=0.0).build("regression")
>>> line.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0]).predict([[1.5]]).round(6)
array([3.])

How to write one: `Expert`, or one line, ``experts.register("huber", regressor=HuberRegressor)``.
"""

from moe_lab.experts.base import Expert
from moe_lab.experts.estimator import EstimatorExpert
from moe_lab.experts.linear import LinearExpert
from moe_lab.experts.module import ModuleExpert
from moe_lab.experts.net import NetExpert

__all__ = ["EstimatorExpert", "Expert", "LinearExpert", "ModuleExpert", "NetExpert"]
