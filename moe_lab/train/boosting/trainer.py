"""Boosting: experts and gate as trees, grown together on the gradient of the mixture likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moe_lab.gate.boosted import BoostedGate
from moe_lab.train.base import Interrupted, Trained, Trainer, trainers
from moe_lab.train.boosting.classification import ClassificationRun
from moe_lab.train.boosting.regression import RegressionRun
from moe_lab.train.boosting.trunk import tree_settings

if TYPE_CHECKING:
    from moe_lab.gate.base import Gate
    from moe_lab.pool.base import Pooler
    from moe_lab.table.data import TrainingData

RUNS = {"regression": RegressionRun, "classification": ClassificationRun}


@trainers.register("boosting")
class Boosting(Trainer):
    """Grow experts and gate as LightGBM trees, together, on the gradient of the mixture likelihood.

    First a trunk, an ordinary booster that all experts share, cross-fitted. Then, from its
    out-of-fold answers, one tree for each expert and one for its gate weight in every round; the
    experts add theirs to the trunk. In regression each expert has a noise scale of its own, so that
    the gate says how wide the noise is; the number of rounds is chosen by the held-out likelihood
    of the gate. In classification the rounds are few and fixed, and the trunk alone is kept where
    the mixture is no better on a part held out of both. In the end all is grown on all rows.

    ``experts`` must be copies of ``"lightgbm"``, whose parameters shape the trunk (``n_estimators``
    is the most rounds); ``gate`` must be ``"boosted"``, whose parameters shape the trees of experts
    and gate.

    Parameters
    ----------
    cv : int, splitter or list of (train, test) splits, default=3
        Folds; of a number: contiguous in the order of the rows, or by group.
    expert_rate : float, default=0.1
        Step size of the experts' trees over the gate's. In regression 0 leaves every expert, and so
        ``predict``, the mean of the trunk: they differ in their noise alone.
    patience : int, default=12
        Rounds without a gain on held-out rows before growing stops.
    min_scale : float, default=0.03
        Least noise scale of an expert, in standard deviations of y.

    References
    ----------
    Jordan & Jacobs (1994) for the likelihood; Friedman (2001), Greedy function approximation, for
    trees grown on a gradient.
    """

    takes_reading = True

    counts_rows = False
    default_experts = ("lightgbm", {"n_estimators": 300})
    default_gate = ("boosted", {"n_estimators": 150, "learning_rate": 0.2, "num_leaves": 8})

    def __init__(
        self, cv: Any = 3, expert_rate: float = 0.1, patience: int = 12, min_scale: float = 0.03
    ):
        self.cv = cv
        self.expert_rate = expert_rate
        self.patience = patience
        self.min_scale = min_scale

    def train(
        self,
        data: TrainingData,
        *,
        experts: list,
        gate: Gate,
        pool: Pooler,
        divide: Callable | None,
        seeds: list[int],
        n_jobs: int | None,
        verbose: int,
    ) -> Trained:
        self._check(gate)
        settings, max_rounds = tree_settings(experts)
        run = RUNS[data.task](
            self,
            data,
            gate=gate,
            pool=pool,
            settings=settings | {"seed": seeds[0] % 2**31},
            max_rounds=max_rounds,
            verbose=verbose,
        )
        trained = run.trained(len(experts), None if divide is None else divide(seeds[0]))
        if run.interrupted:
            raise Interrupted(trained, "Boosting was interrupted.")
        return trained

    def _check(self, gate):
        if type(gate) is not BoostedGate or gate.columns is not None:
            raise ValueError(
                "train='boosting' grows the gate with the experts: gate must be 'boosted', without "
                f"columns, got {gate!r}. Leave gate out, or use train='em'."
            )
        if not 0 <= self.expert_rate <= 1:
            raise ValueError(
                f"expert_rate must be from 0 to 1, got expert_rate={self.expert_rate}."
            )
