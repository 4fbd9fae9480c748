"""Linear EM: a mixture of linear experts finds the parts, any experts start there."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from moe_lab.divide.base import Divider, dividers
from moe_lab.experts.linear import LinearExpert
from moe_lab.gate.softmax import SoftmaxGate
from moe_lab.likelihood.e_step import e_step
from moe_lab.pool.linear import LinearPooler
from moe_lab.table.data import TrainingData
from moe_lab.train.em.trainer import EM

if TYPE_CHECKING:
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading


@dividers.register("linear_em")
class LinearEMDivider(Divider):
    """Responsibilities of a mixture of linear experts with a softmax gate, fitted by EM.

    Experts that can learn anything learn whatever part they start with; linear ones fit their part
    badly where it is wrong, so that the likelihood says which of several starts is right.

    Parameters
    ----------
    n_init : int, default=10
        Starts of EM; the one of highest likelihood counts.
    max_iter : int, default=200
        Rounds at most.
    alpha : float, default=0.1
        Penalty of the linear experts.
    C : float, default=100.0
        Inverse penalty strength of the softmax gate.
    """

    takes_reading = True

    def __init__(self, n_init: int = 10, max_iter: int = 200, alpha: float = 0.1, C: float = 100.0):
        self.n_init = n_init
        self.max_iter = max_iter
        self.alpha = alpha
        self.C = C

    def divide(
        self,
        X: Table | Reading,
        y: np.ndarray,
        *,
        n_experts: int | None,
        sample_weight: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        if n_experts is None or not 1 <= n_experts <= len(y):
            raise ValueError(
                "n_experts must be from 1 to n_samples to divide by a linear mixture, got "
                f"n_experts={n_experts} and n_samples={len(y)}."
            )
        y = np.asarray(y)
        task = "regression" if y.dtype.kind == "f" else "classification"
        n_classes = None if task == "regression" else int(y.max()) + 1
        expert = LinearExpert(self.alpha).build(task, n_classes=n_classes)
        weight: Any = sample_weight
        data = TrainingData(X, y, weight, task=task, n_classes=n_classes)
        with warnings.catch_warnings():  # a start for other experts need not have converged
            warnings.simplefilter("ignore", ConvergenceWarning)
            trained = self._train(data, expert, n_experts, random_state or 0)
        log_lik = np.column_stack([expert.log_prob(X, y) for expert in trained.experts])
        return e_step(trained.gate.log_proba(X), log_lik, overwrite=True)[0]

    def _train(self, data, expert, n_experts, seed):
        return EM(n_init=self.n_init, max_iter=self.max_iter, tol=1e-5).train(
            data,
            experts=[expert] * n_experts,
            gate=SoftmaxGate(self.C),
            pool=LinearPooler(),
            divide=None,
            seeds=[seed] * n_experts,
            n_jobs=1,
            verbose=0,
        )
