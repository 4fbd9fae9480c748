"""Where a boosted mixture starts: a ladder of noise scales, or a partition."""

import numpy as np

from moe_lab.divide.base import as_divider
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.outcome import gaussian_log_density
from moe_lab.table.forms import Table

STEP = 2.0  # between the noise scales of two neighbours
EM_ROUNDS = 30
PSEUDO_ROWS = 10.0
SHARPNESS = 0.9  # of a partition: the rest is shared out evenly


def fit_ladder(
    residuals: np.ndarray, weight: np.ndarray, n_experts: int, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a scale mixture to residuals by EM: one mean, several widths.

    Returns
    -------
    log_base : ndarray of shape (n_experts,)
        Log of their shares.
    scales : ndarray of shape (n_experts,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> residuals = rng.normal(size=4000) * np.repeat([0.5, 2.0], 2000)
    >>> fit_ladder(residuals, np.ones(4000), 2, 0.01)[1].round(1)
    array([0.5, 2. ])
    """
    overall = np.sqrt(np.average(residuals**2, weights=weight))
    first = np.maximum(overall * STEP ** (np.arange(n_experts) - (n_experts - 1) / 2), least)
    scales, log_base = first, np.full(n_experts, -np.log(n_experts))
    for _ in range(EM_ROUNDS):
        log_lik = gaussian_log_density(residuals[:, None], scales)
        responsibilities = e_step(log_base, log_lik)[0]
        log_base, scales = fit_shares(residuals, weight, responsibilities, first, least)
    return log_base, scales


def fit_shares(
    residuals: np.ndarray,
    weight: np.ndarray,
    responsibilities: np.ndarray,
    first: np.ndarray,
    least: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log shares and noise scales of parts; ``first`` counts as ten rows of each."""
    part = responsibilities.T * weight
    rows = part.sum(axis=1) + PSEUDO_ROWS
    scales = np.sqrt((part @ residuals**2 + PSEUDO_ROWS * first**2) / rows)
    return np.log(rows / rows.sum()), np.maximum(scales, least)


def soften(responsibilities: np.ndarray) -> np.ndarray:
    """Leave every expert a share in every row, so that none starts without."""
    return SHARPNESS * responsibilities + (1 - SHARPNESS) / responsibilities.shape[1]


def divide_by_residuals(
    X: Table, residuals: np.ndarray, n_experts: int, weight: np.ndarray, seed: int
) -> np.ndarray | None:
    """Return the leaves of a small tree of the trunk's residuals as responsibilities, or None where
    it cannot grow so many."""
    tree = as_divider(("tree", {"min_share": 0.6}))
    try:
        return tree.divide(
            X, residuals, n_experts=n_experts, sample_weight=weight, random_state=seed
        )
    except ValueError:  # fewer leaves: there is nothing to divide by
        return None
