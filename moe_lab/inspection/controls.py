"""The controls of a mixture: other weights for the same experts, on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.experts.base import is_stacker
from moe_lab.experts.powers import Parametric
from moe_lab.gate.base import ask_gate
from moe_lab.gate.constant import ConstantGate
from moe_lab.gate.powers import IsAnchored
from moe_lab.inspection.alone import losses_alone, sees_parts
from moe_lab.inspection.errors import error_name, pooled, row_losses
from moe_lab.likelihood.arrays import vary
from moe_lab.pool.powers import HasTerms, Learns
from moe_lab.pool.powers import IsAnchored as HasAnchor
from moe_lab.registry.powers import has_power
from moe_lab.table.folds import make_folds

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table
    from moe_lab.table.reading import Reading

FOLDS = 5  # by which constant weights are cross-fitted
N_SHUFFLES = 5


class Controls:
    """What the experts and the gate say of the rows, asked once, and what it is worth.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        From `target_of`.
    weight : ndarray of shape (n_samples,)
    train : (X, y, weight) or None
        Training rows for the control that is refitted.

    Attributes
    ----------
    routes : bool
        Whether the gate's weights vary over the rows.
    plain, flexible : bool ndarrays of shape (n_experts,)
        Who is no stacker; who is one of many parameters.
    learns : bool
        Whether the pool was learnt with the gate, so that its parts can be told apart.
    alone : ndarray of shape (n_samples, n_plain)
        Each plain expert's losses.
    best : int
        The plain expert of least mean loss, numbered among these.
    """

    def __init__(
        self,
        mixture: MoERegressor | MoEClassifier,
        X: Table | Reading,
        y: np.ndarray,
        weight: np.ndarray,
        train: tuple | None = None,
    ):
        self.mixture, self.X, self.y, self.weight = mixture, X, y, weight
        self.train = train
        self.predictions = mixture.expert_predictions(X)
        self.gate_weights = ask_gate(mixture.gate_, X, self.predictions)
        self.routes = vary(self.gate_weights)
        self.plain = np.array([not is_stacker(expert) for expert in mixture.experts_])
        self.flexible = ~self.plain & ~np.array(
            [has_power(expert, Parametric) for expert in mixture.experts_]
        )
        self.learns = has_power(mixture.pooler_, Learns) and has_power(mixture.pooler_, HasTerms)
        self.alone = row_losses(mixture, self.predictions[:, self.plain], y)
        self.best = int(np.average(self.alone, axis=0, weights=weight).argmin())

    def losses(self) -> dict[str, np.ndarray]:
        """Return each control's losses by its name, (n_samples,); the mixture's own first."""
        losses = {"mixture": self._of(self.gate_weights)}
        if self.learns:
            losses |= self._steps()
        else:
            every = np.ones(len(self.plain), dtype=bool)
            equal = np.tile(self.plain / self.plain.sum(), (len(self.y), 1))
            losses["constant"] = self._of(self._constant(every))
            losses["uniform"] = self._of(equal)
        losses["shuffled"] = self._shuffled()
        if self.flexible.any():
            losses["no residual"] = self._of(self._constant(~self.flexible))
        if sees_parts(self.mixture):
            losses["one expert"] = losses_alone(
                self.mixture, self.X, self.y, self.weight, self.train
            )
        return losses | {
            "best expert": self.alone[:, self.best],
            "oracle": self.alone.min(axis=1),
        }

    def _steps(self):
        """Return the losses of what a pool that learns builds up from the plain average."""
        terms = self.mixture.pooler_.terms(
            self.predictions, self.gate_weights, self.mixture.scales_, self.X
        )
        equal = np.full(terms.weights.shape, 1 / terms.weights.shape[1])
        steps = {
            "no correction": terms,
            "constant": self._at_anchor(terms),
            "uniform": terms._replace(weights=equal, bias=np.zeros(len(terms.bias))),
        }
        if not terms.correction.any():
            del steps["no correction"]
        return {
            name: row_losses(self.mixture, step.answer(corrected=False), self.y)
            for name, step in steps.items()
        }

    def _at_anchor(self, terms):
        """Return the same with weights that are the same for every row: those at which training
        started, or their mean."""
        gate, pooler = self.mixture.gate_, self.mixture.pooler_
        weights, bias = terms.weights.mean(axis=0), terms.bias
        if has_power(gate, IsAnchored) and has_power(pooler, HasAnchor) and pooler.anchor:
            beta, bias = pooler.anchor
            weights = beta * gate.anchor_
        return terms._replace(weights=np.tile(weights, (len(self.y), 1)), bias=np.asarray(bias))

    def _of(self, gate_weights):
        answer = pooled(self.mixture, self.predictions, gate_weights, self.X)
        return row_losses(self.mixture, answer, self.y)

    def _shuffled(self):
        rng = np.random.default_rng(0)
        orders = (rng.permutation(len(self.y)) for _ in range(N_SHUFFLES))
        return np.mean([self._of(self.gate_weights[order]) for order in orders], axis=0)

    def _constant(self, chosen):
        """Return the best constant weights of the chosen experts, each row's learnt on others."""
        loss = "squared_error" if error_name(self.mixture) == "rmse" else "log_loss"
        weights = np.zeros(self.gate_weights.shape)
        for train, test in make_folds(self.y, task="regression", cv=FOLDS):  # in order of the rows
            gate = ConstantGate().fit_pooled(
                train, self.predictions[train][:, chosen], self.y[train], loss, self.weight[train]
            )
            weights[np.ix_(test, chosen)] = gate.predict_proba(test)
        return weights
