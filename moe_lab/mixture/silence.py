"""Experts that answer NaN: the others stand in for them."""

import warnings
from collections.abc import Sequence

import numpy as np


def warn_of_silence(silent: np.ndarray, names: list[str]) -> None:
    """Say who does not answer for how many rows.

    Parameters
    ----------
    silent : bool ndarray of shape (n_samples, n_experts)
    names : list of str
        Of the experts.

    Raises
    ------
    ValueError
        If no expert answers for a row.
    """
    mute = np.flatnonzero(silent.all(axis=1))
    if len(mute):
        raise ValueError(
            "At least one expert must predict finite numbers for a row, got NaN from all of them "
            f"for {len(mute)} of {len(silent)} rows, the first of them row {mute[0]}. Mend the "
            "experts, or leave those rows out."
        )
    counts = silent.sum(axis=0)
    said = [f"{name} for {count}" for name, count in zip(names, counts, strict=True) if count]
    warnings.warn(
        f"NaN was predicted by {', '.join(said)} of {len(silent)} rows; there the other experts "
        "answer, by their own gate weights.",
        RuntimeWarning,
        stacklevel=6,
    )


def silent_of(experts: Sequence[int], shape: tuple[int, int]) -> np.ndarray:
    """Return who is silent, (n_samples, n_experts), where some experts are for every row."""
    silent = np.zeros(shape, dtype=bool)
    silent[:, list(experts)] = True
    return silent


def stood_in(predictions: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """Let the mean of the others stand for what silent experts say, (n_samples, n_experts,
    n_outputs)."""
    told = np.where(silent[:, :, None], np.nan, predictions)
    return np.where(np.isnan(told), np.nanmean(told, axis=1, keepdims=True), told)


def without(gate_weights: np.ndarray, silent: np.ndarray | None) -> np.ndarray:
    """Take the weights of silent experts away, so that those of the others sum to 1: equal ones
    where all weight was with the silent."""
    if silent is None:
        return gate_weights
    rows = silent.any(axis=1)
    left = np.where(silent[rows], 0.0, gate_weights[rows])
    left = np.where(left.sum(axis=1, keepdims=True) > 0, left, ~silent[rows])
    weights = gate_weights.copy()
    weights[rows] = left / left.sum(axis=1, keepdims=True)
    return weights
