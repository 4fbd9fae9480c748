"""Touching a fitted mixture: the gate explorer, and all that it asks of a few rows at once."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from moe_lab.experts.names import names_of, numbered
from moe_lab.gate.base import ask_gate
from moe_lab.gate.powers import ReadsPredictions
from moe_lab.mixture.silence import silent_of, stood_in, without
from moe_lab.pool.base import pooled
from moe_lab.pool.powers import HasTerms
from moe_lab.registry.powers import has_power

if TYPE_CHECKING:
    import pandas as pd

    from moe_lab.table.forms import Table


class Answers(NamedTuple):
    """What a mixture says of rows, each expert asked once.

    Attributes
    ----------
    gate_weights : ndarray of shape (n_samples, n_experts)
    predictions : ndarray of shape (n_samples, n_experts, n_outputs)
    pooled : ndarray of shape (n_samples, n_outputs)
    trust : DataFrame of shape (n_samples, n_experts + 1), or None
        None where the pool is no sum over experts.
    """

    gate_weights: np.ndarray
    predictions: np.ndarray
    pooled: np.ndarray
    trust: pd.DataFrame | None


class Explores:
    """``explore`` of a fitted mixture."""

    experts: Any
    verbose: int
    gate_: Any
    pooler_: Any
    scales_: Any
    _asked: Any
    _read: Any
    _told: Any
    _trusted: Any

    def explore(self, X: Table, columns: Any = None, row: int = 0) -> Any:
        """Open the gate explorer: the map of trust over two features, to click and to drag.

        A click on a row shows its gate weights, what each expert predicts, the pooled answer and
        who moved it; a slider moves one feature of the row; an expert can be switched off, which is
        as if it answered NaN. Without a front end, as in papermill, and in exported HTML it is a
        figure of the same content.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Rows to look at; best ones not seen in training.
        columns : name, position or pair of these, optional
            The features of the map, the others as in the row. Default: the two by which the gate
            weights vary most.
        row : int, default=0
            Position of the row to begin with.

        Returns
        -------
        explorer : Explorer
            It shows as the last value of a cell.

        Examples
        --------
        >>> from moe_lab import MoERegressor
        >>> X = np.random.default_rng(0).normal(size=(60, 2))
        >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
        >>> moe.fit(X, np.abs(X[:, 0])).explore(X)
        Explorer(2 experts, 60 rows, map of x0 and x1)
        """
        explore = importlib.import_module("moe_lab.explore")  # which stands above the mixture
        return explore.Explorer(self, X, columns=columns, row=row)

    def _watched(self, experts):
        """Show the rounds of a fit while it runs, if ``verbose`` is 2 or more."""
        if self.verbose < 2:
            return nullcontext()
        names = numbered(names_of(self.experts, experts))
        return importlib.import_module("moe_lab.explore").watched(names)

    def _weights(self, X, off=()):
        """Return the gate weights where some experts, by position, are silent."""
        X = self._read(X)
        if not off:
            return self._asked(X)[0]
        if has_power(self.gate_, ReadsPredictions):
            return self._told_without(X, off)[0]
        weights = self._asked(X)[0]
        return without(weights, silent_of(off, weights.shape))

    def _answers(self, X, off=(), label=None):
        """Return the Answers to rows where some experts, by position, are silent."""
        X = self._read(X)
        weights, predictions = self._told_without(X, off) if off else self._told(X)
        answer = pooled(self.pooler_, predictions, weights, self.scales_, X)
        told = has_power(self.pooler_, HasTerms)
        trust = self._trusted(X, weights, predictions, label=label) if told else None
        return Answers(weights, predictions, answer, trust)

    def _told_without(self, X, off):
        weights, predictions = self._told(X)
        silent = silent_of(off, weights.shape)
        predictions = stood_in(predictions, silent)
        if has_power(self.gate_, ReadsPredictions):
            weights = ask_gate(self.gate_, X, predictions)
        return without(weights, silent), predictions
