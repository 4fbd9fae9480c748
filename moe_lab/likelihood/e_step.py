"""The E-step: how well each expert explains each target, soft, hard or drawn."""

import numpy as np

from moe_lab.likelihood.arrays import row_max, row_sum


def e_step(
    log_gate: np.ndarray,
    log_lik: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    overwrite: bool = False,
) -> tuple[np.ndarray, float]:
    """Compute the responsibilities: how well each expert explains each target.

    Parameters
    ----------
    log_gate : ndarray of shape (n_samples, n_experts)
        Log gate weights; each row's `exp` sums to 1.
    log_lik : ndarray of shape (n_samples, n_experts)
        Log-likelihood of `y` under each expert, in nats. Where it is -inf under all of them, the
        gate decides.
    sample_weight : ndarray of shape (n_samples,), optional
    overwrite : bool, default=False
        Return the responsibilities in the memory of ``log_lik``.

    Returns
    -------
    responsibilities : ndarray of shape (n_samples, n_experts)
        Each row sums to 1.
    log_likelihood : float
        Log-likelihood of the whole mixture in nats, summed over samples.

    References
    ----------
    Jordan & Jacobs (1994), Eq. 21.

    Examples
    --------
    >>> responsibilities, _ = e_step(np.log([[0.5, 0.5]]), np.log([[0.8, 0.2]]))
    >>> responsibilities.round(2)
    array([[0.8, 0.2]])
    """
    joint = np.add(log_gate, log_lik, out=log_lik if overwrite else None)
    best = row_max(joint)
    known = np.isfinite(best)
    joint -= np.where(known, best, 0.0)[:, None]
    np.exp(joint, out=joint)
    total = row_sum(joint)
    if not known.all():
        joint[~known] = np.exp(log_gate[~known])
        total[~known] = row_sum(joint[~known])
    joint /= total[:, None]
    row_log_lik = best + np.log(total)
    weighted = row_log_lik if sample_weight is None else sample_weight * row_log_lik
    return joint, float(weighted.sum())


def soft(responsibilities: np.ndarray, random_state: np.random.Generator) -> np.ndarray:
    """Leave the responsibilities as they are: EM."""
    return responsibilities


def hard(responsibilities: np.ndarray, random_state: np.random.Generator) -> np.ndarray:
    """Give each row to the expert that explains it best: CEM (Celeux & Govaert, 1992)."""
    return np.eye(responsibilities.shape[1])[responsibilities.argmax(axis=1)]


def stochastic(
    responsibilities: np.ndarray, random_state: np.random.Generator, n_draws: int = 1
) -> np.ndarray:
    """Draw an expert for each row from its responsibilities: SEM (Celeux & Diebolt, 1985).

    The mean of ``n_draws`` draws; of many it is the responsibilities themselves.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> stochastic(np.array([[0.5, 0.5], [0.0, 1.0]]), rng, n_draws=4).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    shares = responsibilities / responsibilities.sum(axis=1, keepdims=True)
    return random_state.multinomial(n_draws, shares) / n_draws


E_STEPS = {"soft": soft, "hard": hard, "stochastic": stochastic}
