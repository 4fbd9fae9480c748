"""What a built expert may have beyond ``fit`` and ``predict``; ask with ``has_power``.

Each power is optional, and without it there is a correct default.
"""

from typing import Any, Literal, Protocol

import numpy as np

from moe_lab.table.forms import Table
from moe_lab.table.reading import Reading


class Parametric(Protocol):
    """Has too few parameters to memorise rows: EM may score it on the rows it was fitted to."""

    parametric: bool


class HasDensity(Protocol):
    """Scores targets itself; default: a Gaussian of held-out scale, or floored probabilities."""

    def log_prob(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Return the log-probability of each y in nats, shape (n_samples,)."""


class HasScale(Protocol):
    """Knows its noise standard deviation, in the unit of y; default: measured out of fold."""

    scale_: float


class LearnsSpread(Protocol):
    """Says how uncertain its coefficients are; EM asks it again once its end has moved them."""

    def learn_spread(self, X: Table, y: np.ndarray, sample_weight: np.ndarray) -> Any:
        """Learn it at the parameters as they are."""


class PredictsDistribution(Protocol):
    """Says what distribution y has; default: a Gaussian around its prediction."""

    def predict_distribution(self, X: Table) -> Any:
        """Return a MixtureDistribution of n_samples rows."""


class ScoresRows(Protocol):
    """Scores whole rows, as a mixture does; default: no log-likelihood is reported."""

    def score_samples(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each row in nats, shape (n_samples,)."""


class CountsParameters(Protocol):
    """Counts its free parameters; default: AIC, BIC and ICL raise."""

    n_parameters_: int


class HasPrior(Protocol):
    """Says in nats what ``fit`` adds to the log-likelihood, minus a penalty, say; default: 0."""

    log_prior_: float


class HasGradient(Protocol):
    """Gives EM a quasi-Newton end, where gate and all experts do; default: EM to its end."""

    vector: np.ndarray  # all parameters, 1-D, to be read and set

    def gradient(self, X: Table, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Return the gradient of what ``fit`` maximises in ``vector``, 1-D."""


class HasBounds(Protocol):
    """Bounds its ``vector`` from below; default: nowhere."""

    least_vector: np.ndarray


class WarmStarts(Protocol):
    """Starts ``fit`` where its last one ended; default: EM fits a clone in every round."""

    warm_start: bool


class CrossFits(Protocol):
    """Predicts every row out of fold its own way; default: a clone is fitted for each fold."""

    def cross_fit(
        self, X: Table, y: np.ndarray, folds: list[tuple], sample_weight: np.ndarray | None
    ) -> np.ndarray:
        """Return out-of-fold predictions, shape (n_samples, n_outputs)."""


class Refits(Protocol):
    """Fits all rows with what its ``cross_fit`` found or made, and drops that; default: ``fit``."""

    def refit(self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None) -> Any:
        """Return itself, fitted to the rows that it cross-fitted."""


class Grows(Protocol):
    """Says how its seconds grow: with the rows to this power, from 500 rows on; default: 1."""

    growth: float


class StacksExperts(Protocol):
    """Is fitted to what the plain experts say: its methods take ``predictions``, too."""

    depends_on: Literal["experts"]


class IsNetwork(Protocol):
    """Can be trained together with others, by ``train="gradient"``, which sets its ``net_``."""

    def learn_features(self, X: Table | Reading, sample_weight: np.ndarray | None) -> np.ndarray:
        """Learn how X is read; return what the network reads of it, float32, (n_samples, d)."""

    def learn_target(
        self, y: np.ndarray, sample_weight: np.ndarray | None
    ) -> tuple[np.ndarray, int]:
        """Return what the network is to say, (n_samples,), and its number of outputs."""

    def module(self, Z: np.ndarray, n_outputs: int) -> Any:
        """Make the torch Module for what ``learn_features`` returned."""


class MakesNetworks(Protocol):
    """Builds networks: a power of the Expert, not of what it builds."""

    def module(self, Z: np.ndarray, n_levels: list[int], n_outputs: int) -> Any:
        """Make the torch Module that reads Z."""
