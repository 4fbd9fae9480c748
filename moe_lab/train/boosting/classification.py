"""Boosting classes: experts from one trunk of log-odds, a few rounds of them and their gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.progress import progress
from moe_lab.table import rows_of
from moe_lab.table.folds import make_folds
from moe_lab.train.boosting.lockstep import CategoricalExperts
from moe_lab.train.boosting.parts import BoostedClassifier
from moe_lab.train.boosting.run import BoostingRun, warn_alone
from moe_lab.train.boosting.start import divide_by_residuals, soften
from moe_lab.train.boosting.trunk import trunk_answer

if TYPE_CHECKING:
    from moe_lab.train.base import Trained

CLASS_ROUNDS = 20


class ClassificationRun(BoostingRun):
    """Grows experts of a class, and a gate; the trunk alone where held-out rows gain nothing."""

    def trained(self, n_experts: int, start: np.ndarray | None) -> Trained:
        folds = self.data.folds(self.trainer.cv)
        everything = np.arange(len(self.data))
        trunk = self._trunk(self.rows, self.features, folds)
        alone = trunk.out_of_fold[everything, self.data.y]
        if n_experts == 1 or self.interrupted:
            return self._alone(trunk, alone)
        given, start = start, self._start(everything, trunk, n_experts, start)
        gains = None if start is None else self._gain(n_experts, given, folds[-1], trunk)
        if gains is None or gains[-1] <= 0:
            if not self.interrupted:
                warn_alone(n_experts)
            return self._alone(trunk, alone)
        experts = self._experts(everything, trunk, n_experts)
        return self._grown(trunk, experts, np.full(n_experts, -np.log(n_experts)), start, gains)

    def _experts(self, part, trunk, n_experts):
        return CategoricalExperts(
            self.data.y[part],
            trunk.out_of_fold,
            self.data.sample_weight[part],
            n_experts,
            self.trainer.expert_rate,
        )

    def _start(self, part, trunk, n_experts, start):
        if start is not None:
            return soften(start[part])
        residuals = np.eye(self.data.n_classes)[self.data.y[part]] - np.exp(trunk.out_of_fold)
        residuals = residuals[:, 1] if self.data.n_classes == 2 else residuals
        found = divide_by_residuals(
            rows_of(self.data.X, part),
            residuals,
            n_experts,
            self.data.sample_weight[part],
            self.settings["seed"],
        )
        return None if found is None else soften(found)

    def _gain(self, n_experts, given, fold, trunk):
        """Do all of it without the last fold; return what the mixture gains there over the trunk
        before the first round and after each, or None where that cannot be done."""
        apart = self._apart(fold, trunk)
        if apart is None or self.interrupted:
            return None
        rows, without, train, test = apart
        start = self._start(train, without, n_experts, given)
        if start is None:
            return None
        base = np.full(n_experts, -np.log(n_experts))
        lockstep = self._lockstep(rows, self._experts(train, without, n_experts), base, start)
        without.out_of_fold = self._answer(without, test)
        lockstep.watch(self.rows.subset(test), self._experts(test, without, n_experts))
        path = [lockstep.watched_log_likelihood()]
        with self._until_interrupted():
            for _ in progress(range(CLASS_ROUNDS), "check", self.verbose):
                lockstep.grow()
                path.append(lockstep.watched_log_likelihood())
        return np.array(path) - path[0]

    def _apart(self, fold, trunk):
        """Return the rows without a fold, a trunk grown on them alone, and both index arrays; None
        where no two folds are left."""
        train, test = (np.sort(part) for part in fold)
        left = self.data.take(train)
        inner = make_folds(
            left.y, task=left.task, cv=self.trainer.cv, groups=left.groups, rows=left.rows
        )
        if not inner:
            return None
        rows = self.rows.subset(train).construct()
        known = self.features[train]
        return rows, self._trunk(rows, known, inner, trunk.settings), train, test

    def _answer(self, trunk, part):
        return trunk_answer(trunk.booster, self.features[part], self.data.n_classes)

    def _expert(self, trees, k):
        return BoostedClassifier(trees, k)
