"""What a gate may have beyond ``fit`` and ``predict_proba``; ask with ``has_power``.

Each power is optional, and without it there is a correct default.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from moe_lab.table.forms import Table
from moe_lab.table.reading import Reading


class Parametric(Protocol):
    """Maximises its objective exactly and memorises no rows: EM may ask it about those of ``fit``;
    default: EM asks out of fold."""

    parametric: bool


class FitsPooled(Protocol):
    """Can be fitted to the loss of the pooled prediction instead of responsibilities."""

    def fit_pooled(
        self,
        X: Table | Reading,
        predictions: np.ndarray,
        y: np.ndarray,
        loss: str,
        sample_weight: np.ndarray | None = None,
    ) -> Any:
        """Fit to predictions, (n_samples, n_experts, n_outputs), by "log_loss" or
        "squared_error"."""


class ReadsPredictions(Protocol):
    """Fitted by ``fit_pooled``, its ``predict_proba(X, predictions)`` takes what the experts say
    as well, so that every expert is asked."""

    reads_predictions: bool


class IsAnchored(Protocol):
    """Lets a trainer set its parameter ``anchor``, (n_experts,) weights to start at, and give NaN
    predictions of the experts whose weights are to stay there."""

    anchored: bool


class HasPrior(Protocol):
    """Says in nats what ``fit`` adds to the weighted log-likelihood of the responsibilities, such
    as minus a penalty; default: 0."""

    log_prior_: float


class HasDensity(Protocol):
    """Has a density of the input, which is part of what EM maximises."""

    def log_density(self, features: np.ndarray) -> np.ndarray:
        """Return the log density of each row in nats, shape (n_samples,)."""


class HasGradient(Protocol):
    """Gives EM a quasi-Newton end, where all experts do, too; default: EM to its end."""

    vector: np.ndarray  # all parameters, 1-D, to be read and set

    def gradient(
        self, features: np.ndarray, responsibilities: np.ndarray, sample_weight: np.ndarray
    ) -> np.ndarray:
        """Return the gradient of what ``fit`` maximises in ``vector``, 1-D."""


class CountsParameters(Protocol):
    """Counts its free parameters; default: AIC, BIC and ICL raise."""

    n_parameters_: int


class DropsExperts(Protocol):
    """Is built for certain experts, and can do without some; default: it is fitted to the rest."""

    def without(self, dropped: Iterable[int], n_experts: int) -> Any:
        """Return this gate for a mixture of ``n_experts`` without those of the numbers dropped."""


class IsTree(Protocol):
    """Leads rows down a tree to the experts; default: drawn as a tree of one level."""

    def node_weights(self, X: Table | Reading) -> dict[tuple, np.ndarray]:
        """Return the probability of reaching each node, path -> (n_samples,)."""


class IsNetwork(Protocol):
    """Can be trained together with networks, by ``train="gradient"``, which sets its ``net_``."""

    def learn_features(self, X: Table | Reading, sample_weight: np.ndarray | None) -> np.ndarray:
        """Learn how X is read; return what the network reads of it, float32, (n_samples, d)."""

    def module(self, Z: np.ndarray, n_experts: int) -> Any:
        """Make the torch Module from what ``learn_features`` returned to logits."""
