"""Who moved an answer: the pooled score as a sum over experts."""

from typing import Any

import numpy as np
import pandas as pd

from moe_lab.mixture.names import expert_names
from moe_lab.pool.base import poolers
from moe_lab.pool.powers import HasTerms
from moe_lab.pool.terms import Terms
from moe_lab.registry.powers import has_power, names_with
from moe_lab.table.forms import Table
from moe_lab.table.inputs import codes_of

ROUNDING = 1e-12


class ExplainsAnswers:
    """``trust`` of a fitted mixture."""

    pooler_: Any
    scales_: Any
    classes_: np.ndarray
    _n_classes: int | None
    _read: Any
    _told: Any

    def trust(self, X: Table, label: Any = None) -> pd.DataFrame:
        """Say who moved the answer for each row, and how far.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        label : class, optional
            Of classification: the class whose score is told. Default: of two classes the second,
            of more each row's predicted one.

        Returns
        -------
        trust : DataFrame of shape (n_samples, n_experts + 1)
            A column for each expert, by its name, and ``correction``. With L_k what expert k says,
            Lbar the plain mean over experts, weights w_k that are beta g_k(x) in a pool that
            learns and the pool's weights in another: column k is w_k (L_k - Lbar), 0 where the
            gate does not trust; the last is what is left of the pooled answer minus Lbar:
            ``a + (beta - 1) Lbar + r(x)``, 0 where the pool learns nothing. A row sums to the
            pooled answer minus that of equal weights. The unit is that of y; of a pool of
            log-probabilities nats of log-odds against the first class (against the likeliest other
            for the first class itself), of other pools of classes probability.

        Raises
        ------
        ValueError
            If the pooler's answer is no such sum, ``label`` no class, or given in regression.
        """
        X = self._read(X)
        return self._trusted(X, *self._told(X), label=label)

    def _trusted(self, X, gate_weights, predictions, *, label=None):
        if not has_power(self.pooler_, HasTerms):
            raise ValueError(
                f"pool must be a sum over experts, got {self.pooler_!r}. Those that are: "
                f"{', '.join(names_with(HasTerms, poolers))}."
            )
        terms = self.pooler_.terms(predictions, gate_weights, self.scales_, X)
        said, bias, correction = self._contrast(terms, label)
        mean = said.mean(axis=1)
        moved = terms.weights * (said - mean[:, None])
        excess = terms.weights.sum(axis=1) - 1  # beta - 1
        excess[np.abs(excess) < ROUNDING] = 0.0
        rest = bias + excess * mean + correction
        columns = [*expert_names(self), "correction"]
        return pd.DataFrame(np.column_stack([moved, rest]), columns=columns)

    def _contrast(self, terms: Terms, label):
        """Return what is told of each row: (n, k) of the experts, (n,) bias and correction."""
        if self._n_classes is None:
            if label is not None:
                raise ValueError(f"label must be None in regression, got {label!r}.")
            return terms.said[:, :, 0], terms.bias[0], terms.correction[:, 0]
        rows, answer = np.arange(len(terms.said)), terms.answer()
        chosen = self._chosen(answer, label)
        parts = terms.said[rows, :, chosen], terms.bias[chosen], terms.correction[rows, chosen]
        if not terms.logs:
            return parts
        against = np.where(chosen == 0, 1 + answer[:, 1:].argmax(axis=1), 0)
        others = terms.said[rows, :, against], terms.bias[against], terms.correction[rows, against]
        return tuple(part - other for part, other in zip(parts, others, strict=True))

    def _chosen(self, answer, label):
        """Return the code of the class that is told of each row."""
        if label is not None:
            return np.repeat(codes_of([label], self.classes_), len(answer))
        if answer.shape[1] == 2:
            return np.ones(len(answer), dtype=int)
        return answer.argmax(axis=1)
