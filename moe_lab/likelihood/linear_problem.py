"""Smooth objectives of linear outputs, and how they are minimised.

shapes: (n)samples, (d)features, (k) outputs. A coefficient matrix is (d + 1, k): row j holds
feature j, the last row the intercepts, which no penalty touches.
"""

from collections.abc import Callable
from numbers import Real
from typing import Any, Self

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

from moe_lab.likelihood.arrays import blocks, logits

ROUNDING = 1e-12  # of the largest eigenvalue: what is below is no direction


def check_strength(C: float) -> None:
    """Refuse an inverse penalty strength that is not positive."""
    if not (isinstance(C, Real) and C > 0):
        raise ValueError(f"C must be positive, got C={C!r}; np.inf is unregularised.")


def directions(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of a Gram matrix, those of rounding error as 0, and the vectors."""
    values, vectors = np.linalg.eigh(gram)
    return np.where(values > ROUNDING * values.max(initial=0.0), values, 0.0), vectors


def rank(Z: np.ndarray, sample_weight: np.ndarray | None = None) -> int:
    """Return in how many directions the rows differ: the slopes that a linear model really has.

    A constant column, a copy, and one level of each category add none.

    Examples
    --------
    >>> x = np.arange(4.0)
    >>> rank(np.column_stack([x, 2 * x, np.ones(4), x > 1, x <= 1]))
    2
    """
    weight = np.ones(len(Z)) if sample_weight is None else np.asarray(sample_weight, float)
    centre = weight @ Z / weight.sum()
    gram = np.zeros((Z.shape[1], Z.shape[1]))
    for rows in blocks(len(Z), Z.shape[1] + 1):
        centred = Z[rows] - centre
        gram += (centred * weight[rows, None]).T @ centred
    size = np.sqrt(np.maximum(np.diag(gram), ROUNDING * weight.sum() * centre**2))
    size[size == 0] = 1.0  # each column counts, whatever its unit
    return int(np.count_nonzero(directions(gram / np.outer(size, size))[0]))


class LinearProblem:
    """A smooth objective of linear outputs, per unit of weight, summed block by block.

    A subclass has ``losses_and_slopes(outputs, rows)``: the loss of each row of a slice, (n,), and
    its derivatives by the outputs, (n, k).
    """

    losses_and_slopes: Callable

    def __init__(self, Z: np.ndarray):
        self.Z = Z

    def weighted(
        self, weight: np.ndarray, penalty: float, centre: float | np.ndarray = 0.0
    ) -> Self:
        self.weight, self.penalty, self.centre = weight, penalty, centre
        return self

    def penalised(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the penalty and its gradient."""
        excess = coef[:-1] - self.centre
        gradient = np.vstack([self.penalty * excess, np.zeros(coef.shape[1])])
        return 0.5 * self.penalty * np.sum(excess**2), gradient

    def value_and_gradient(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = self.penalised(coef)
        for rows in blocks(len(self.Z), max(coef.shape)):
            Z, weight = self.Z[rows], self.weight[rows]
            losses, slopes = self.losses_and_slopes(logits(Z, coef), rows)  # (n,), (n, k)
            slopes *= weight[:, None]
            value += weight @ losses
            gradient[:-1] += Z.T @ slopes
            gradient[-1] += slopes.sum(axis=0)
        return value, gradient


def newton(problem: Any, coef: np.ndarray, max_iter: int, tol: float = 1e-9) -> np.ndarray:
    """Minimise a LinearProblem that has ``second_order``, with step halving."""
    value, gradient, hessian = problem.second_order(coef)
    for _ in range(max_iter):
        step = _solve(hessian, gradient.T.ravel()).reshape(coef.T.shape).T
        decrement = np.sum(step * gradient)
        if decrement <= tol:
            return coef - step  # in the region of quadratic convergence: exact to rounding
        size = 1.0
        while size > 1e-8:
            new_value, new_gradient, new_hessian = problem.second_order(coef - size * step)
            if new_value <= value - 1e-4 * size * decrement:
                break
            size /= 2
        else:
            break  # the value has reached its rounding error
        coef, value, gradient, hessian = coef - size * step, new_value, new_gradient, new_hessian
    return coef


def _solve(hessian, gradient):
    """Solve H x = g, damped where separable classes leave H singular."""
    damping = 0.0
    scale = np.trace(hessian) / len(hessian)
    for exponent in range(-14, 0, 2):
        try:
            return cho_solve(cho_factor(hessian + damping * np.eye(len(hessian))), gradient)
        except LinAlgError:
            damping = scale * 10.0**exponent
    return gradient / scale


def lbfgs(
    problem: LinearProblem, coef: np.ndarray, max_iter: int, *, tol: float = 1e-12
) -> np.ndarray:
    """Minimise a LinearProblem from ``coef`` on, until its value changes by less than ``tol``."""

    def objective(flat):
        value, gradient = problem.value_and_gradient(flat.reshape(coef.shape))
        return value, gradient.ravel()

    result = minimize(
        objective,
        coef.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "ftol": tol, "gtol": 1e-8},
    )
    return result.x.reshape(coef.shape)
