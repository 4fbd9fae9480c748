"""Quasi-Newton: the end of EM on the likelihood of gate and experts at once."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from moe_lab.experts import powers as of_experts
from moe_lab.gate import powers as of_gates
from moe_lab.registry.powers import has_power
from moe_lab.table import rows_of
from moe_lab.train.em.steps import EMSteps, Parts, scale_of

LATE = 10  # where so many rounds together gain less than tol, the end is near enough


def has_gradient(steps: EMSteps, parts: Parts) -> bool:
    """Say whether gate and all experts have ``vector`` and ``gradient``."""
    of_all = all(has_power(model, of_experts.HasGradient) for model in parts.models)
    return steps.exact and of_all and has_power(parts.gate, of_gates.HasGradient)


def climb(steps: EMSteps, parts: Parts, *, tol: float, max_iter: int) -> tuple[Parts, bool, bool]:
    """Maximise the objective of EM over all parameters at once by L-BFGS.

    EM is slow where the experts overlap; a quasi-Newton method is not. The gradient of the
    log-likelihood is that of EM's lower bound at the responsibilities of the moment (Fisher's
    identity), so that each part gives its own piece of it.

    Parameters
    ----------
    steps : EMSteps
    parts : Parts
        Where to start; they are left as they are.
    tol : float
        Stop when the objective per row (nats) changes by less.
    max_iter : int

    Returns
    -------
    parts : Parts
    converged : bool
    interrupted : bool
        Whether an interrupt ended it; the parts are those of its last round.

    References
    ----------
    Jamshidian & Jennrich (1997), Acceleration of the EM algorithm by using quasi-Newton methods.
    """
    parts = replace(parts, gate=deepcopy(parts.gate), models=deepcopy(parts.models))
    pieces = [parts.gate, *parts.models]
    cuts = np.cumsum([len(piece.vector) for piece in pieces])[:-1]

    values: list[float] = []  # of every round
    last = np.concatenate([piece.vector for piece in pieces])

    def value_and_gradient(vector):
        with np.errstate(over="ignore"):  # a trial step may be far out
            _assign(pieces, vector, cuts)
            value, gradient = _climbed(steps, parts)
        return -value / steps.total, -gradient / steps.total

    def note(intermediate_result):
        nonlocal last
        last = intermediate_result.x.copy()
        values.append(intermediate_result.fun)

    stopped = interrupted = False
    try:
        result = minimize(
            value_and_gradient,
            last,
            jac=True,
            method="L-BFGS-B",
            bounds=[(least, None) for least in np.concatenate([_least(p) for p in pieces])],
            callback=note,
            options={"maxiter": max_iter, "ftol": tol**3, "gtol": 1e-3 * tol, "maxcor": 20},
        )
        last, stopped = result.x, result.status != 1  # 1: max_iter; 2: no better within rounding
    except KeyboardInterrupt:
        interrupted = True
    _assign(pieces, last, cuts)
    parts.scales = np.array([scale_of(model) for model in parts.models])
    late = len(values) > LATE and values[-LATE] - values[-1] < tol
    return parts, stopped or late, interrupted


def _assign(pieces, vector, cuts):
    for piece, part in zip(pieces, np.split(vector, cuts), strict=True):
        piece.vector = part.copy()


def _climbed(steps, parts):
    """Return the objective and its gradient, summed over blocks of rows."""
    # A row of no weight leaves the gradient of the priors alone.
    of_priors = _gradient(steps, parts, slice(0, 1), np.ones((1, len(parts.alive))), np.zeros(1))
    value, gradient = steps.log_prior(parts), of_priors
    for rows in steps.blocks(parts):
        responsibilities, log_likelihood = steps.e_step_of(rows, parts)
        value += log_likelihood
        weight = steps.weight[rows]
        of_rows = _gradient(steps, parts, rows, responsibilities, weight) - of_priors
        gradient = gradient + of_rows
    return value, gradient


def _gradient(steps, parts, rows, responsibilities, weight):
    """The gradient of the priors and of some rows, a slice, of given weight."""
    pieces = [parts.gate.gradient(rows_of(steps.features, rows), responsibilities, weight)]
    for j, k in enumerate(parts.alive):
        Z, part = rows_of(steps.inputs[k], rows), weight * responsibilities[:, j]
        pieces.append(parts.models[j].gradient(Z, steps.y[rows], part))
    return np.concatenate(pieces)


def _least(piece):
    if has_power(piece, of_experts.HasBounds):
        return piece.least_vector
    return np.full(len(piece.vector), -np.inf)
