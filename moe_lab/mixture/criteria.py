"""Information criteria: what a mixture's parameters must earn in likelihood."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from moe_lab.experts.powers import CountsParameters
from moe_lab.mixture.names import expert_names
from moe_lab.registry.powers import has_power
from moe_lab.table.forms import Table
from moe_lab.table.inputs import warn_of_light_weights


class InformationCriteria:
    """AIC, BIC and ICL of a mixture that has ``experts_``, ``gate_`` and a likelihood."""

    experts_: list
    gate_: Any
    density_gate_: Any
    n_experts_: int
    log_likelihood: Any
    responsibilities: Any

    @property
    def n_parameters_(self) -> int:
        """Free parameters of all experts and the gate; penalised ones count in full, those of
        constant and repeated columns not at all."""
        check_is_fitted(self)
        parts = list(zip(expert_names(self), self.experts_, strict=True))
        parts.append(("the gate", self.gate_))
        if self.density_gate_ is not None:
            parts.append(("the gate of the density", self.density_gate_))
        return sum(_count_of(name, part) for name, part in parts)

    def aic(self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Return Akaike's information criterion, -2 log-likelihood + 2 n_parameters_; lower is
        better."""
        return 2 * self.n_parameters_ - 2 * self.log_likelihood(X, y, sample_weight)

    def bic(self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Return the Bayesian information criterion, -2 log-likelihood + n_parameters_ log n.

        Lower is better; X, y are the rows of fit, and n is the sum of their weights. Parameters
        under a penalty count in full, so that the criterion is too strict for regularised experts
        and gates.

        References
        ----------
        Schwarz (1978).
        """
        n_samples = len(y) if sample_weight is None else np.sum(sample_weight)
        if sample_weight is not None:
            warn_of_light_weights(sample_weight, self.n_experts_)
        deviance = -2 * self.log_likelihood(X, y, sample_weight)
        return self.n_parameters_ * np.log(n_samples) + deviance

    def icl(self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Return the integrated completed likelihood: BIC - 2 sum_i log max_k r_ik.

        Lower is better; rows that no expert clearly owns count against a mixture. r_ik are the
        responsibilities.

        References
        ----------
        Biernacki, Celeux & Govaert (2000).
        """
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        trust = self.responsibilities(X, y).max(axis=1)
        return self.bic(X, y, sample_weight) - 2 * float(weight @ np.log(trust))


def _count_of(name, part):
    if not has_power(part, CountsParameters):
        raise AttributeError(
            f"BIC needs n_parameters_ of every part, got none from {name} "
            f"({type(getattr(part, 'model', part)).__name__}). Compare such mixtures out of fold: "
            "select_n_experts(..., criterion='out_of_fold')."
        )
    return part.n_parameters_
