"""Softmax (multinomial logistic) regression on soft targets.

shapes: (n)samples, (d)features, (k)lasses. A coefficient matrix is (d + 1, k): row j holds feature
j, the last row the intercepts, which no penalty touches.
"""

import numpy as np
from scipy.special import expit

from moe_lab.likelihood.arrays import blocks, log_softmax, logits, softmax
from moe_lab.likelihood.linear_problem import LinearProblem, check_strength, lbfgs, newton

NEWTON_LIMIT = 400  # unknowns up to which a Hessian costs less than L-BFGS's extra passes
WARM = 10  # rounds of L-BFGS from a start that is given


def fit_softmax(
    Z: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    C: float = 1.0,
    coef: np.ndarray | None = None,
    centre: float | np.ndarray = 0.0,
    max_iter: int = 100,
) -> np.ndarray:
    """Fit softmax regression to soft targets.

    Minimises ``-sum_i w_i sum_k t_ik log p_k(z_i) + |W - centre|^2 / (2 C)``, a convex problem: by
    Newton's method with step halving where the Hessian is small, else by L-BFGS.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Numeric features without missing values; no feature at all (d = 0) fits the intercepts.
    targets : ndarray of shape (n_samples, n_classes)
        Non-negative; each row sums to 1.
    sample_weight : ndarray of shape (n_samples,), optional
    C : float, default=1.0
        Inverse penalty strength; ``np.inf`` is unregularised.
    coef : ndarray of shape (n_features + 1, n_classes), optional
        Where to start. From there one Newton step is made, which leaves little to gain: EM changes
        the targets again in its next round.
    centre : float or ndarray of shape (n_features, n_classes), default=0.0
        Where the penalty is 0; its rows sum to 0.

    Returns
    -------
    coef : ndarray of shape (n_features + 1, n_classes)
        Last row: the intercepts. Each row sums to 0.

    References
    ----------
    Jordan & Jacobs (1994), the inner loop of the gate's M-step (IRLS).

    Examples
    --------
    >>> import numpy as np
    >>> coef = fit_softmax(np.empty((4, 0)), np.array([[1, 0], [1, 0], [1, 0], [0, 1.0]]))
    >>> np.exp(coef[0, 0] - coef[0, 1]).round(6)
    np.float64(3.0)
    """
    check_strength(C)
    n_samples, n_features = Z.shape
    weight = np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight, float)
    weight = weight / weight.sum()  # objective per unit of weight, so that tolerances mean the same
    total = n_samples if sample_weight is None else np.sum(sample_weight)
    penalty = 1.0 / (C * total)
    if coef is None:
        coef = np.zeros((n_features + 1, targets.shape[1]))
    else:
        max_iter = 1 if coef.size <= NEWTON_LIMIT else WARM
    solve = newton if coef.size <= NEWTON_LIMIT else lbfgs
    if targets.shape[1] == 2:
        return _fit_logistic(solve, Z, targets, weight, penalty, centre, coef, max_iter)
    coef = solve(_SoftTargets(Z, targets, weight, penalty, centre), coef, max_iter)
    return coef - coef.mean(axis=1, keepdims=True)


def _fit_logistic(solve, Z, targets, weight, penalty, centre, coef, max_iter):
    """Fit the log-odds of the second of two classes, which are all that counts."""
    centre = np.broadcast_to(centre, (Z.shape[1], 2))
    problem = _SoftTarget(Z, targets, weight, penalty / 2, centre[:, 1:] - centre[:, :1])
    half = solve(problem, coef[:, 1:] - coef[:, :1], max_iter) / 2
    return np.hstack([-half, half])


def softmax_gradient(
    Z: np.ndarray,
    coef: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray,
    *,
    C: float = 1.0,
    centre: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Return the gradient of minus what ``fit_softmax`` minimises, shaped as ``coef``."""
    slopes = targets - softmax(logits(Z, coef))
    slopes *= sample_weight[:, None]
    gradient = np.vstack([Z.T @ slopes, slopes.sum(axis=0)])
    gradient[:-1] -= (coef[:-1] - centre) / C
    return gradient


class _SoftTargets(LinearProblem):
    def __init__(self, Z, targets, weight, penalty, centre):
        super().__init__(Z)
        self.targets = targets
        self.weighted(weight, penalty, centre)

    def losses_and_slopes(self, logits, rows):
        log_p, targets = log_softmax(logits), self.targets[rows]
        losses = -np.einsum("nk,nk->n", targets, log_p)
        return losses, np.subtract(np.exp(log_p, out=log_p), targets, out=log_p)

    def second_order(self, coef):
        """Return value, gradient and Hessian, (k (d+1), k (d+1)), ordered class by class.

        The Hessian's blocks are sums over the rows of products of two columns and two
        probabilities: one matrix product of all pairs of columns with all pairs of classes.
        """
        width, n_classes = coef.shape
        columns, classes = np.triu_indices(width), np.triu_indices(n_classes)
        value, gradient = self.penalised(coef)
        shared, own = np.zeros((len(columns[0]), len(classes[0]))), 0.0
        for rows in blocks(len(self.Z), len(columns[0]) + len(classes[0])):
            design = np.vstack([self.Z[rows].T, np.ones(len(self.Z[rows]))])  # (d + 1, n)
            weight, targets = self.weight[rows], self.targets[rows].T
            log_p = coef.T @ design  # (k, n)
            log_p -= log_p.max(axis=0)
            log_p -= np.log(np.exp(log_p).sum(axis=0))
            value -= np.einsum("kn,kn->", log_p, weight * targets)
            p = np.exp(log_p)
            gradient += design @ (weight * (p - targets)).T
            weighted = weight * p
            pairs = _products(design, design)
            shared += pairs @ _products(weighted, p).T
            own += pairs @ weighted.T
        return value, gradient, self._assembled(shared, own, columns, classes)

    def _assembled(self, shared, own, columns, classes):
        """Put the sums over pairs of columns, i <= j, and of classes, a <= b, into the Hessian."""
        width, n_classes = self.Z.shape[1] + 1, own.shape[1]
        sums = np.hstack([-shared, own])
        squares = np.empty((width, width, sums.shape[1]))
        squares[columns] = sums
        squares[columns[::-1]] = sums
        squares = squares.transpose(2, 0, 1)
        hessian = np.empty((n_classes, width, n_classes, width))
        hessian[classes[0], :, classes[1]] = squares[: len(classes[0])]
        hessian[classes[1], :, classes[0]] = squares[: len(classes[0])]
        ridge = np.diag(np.append(np.full(width - 1, self.penalty), 0.0))
        every = np.arange(n_classes)
        hessian[every, :, every] += squares[len(classes[0]) :] + ridge
        # A shift common to all classes changes no probability: give that direction some curvature.
        hessian += np.einsum("ij,ab->aibj", np.eye(width), np.full((n_classes,) * 2, 1 / n_classes))
        return hessian.reshape(n_classes * width, n_classes * width)


class _SoftTarget(_SoftTargets):
    """Two classes: one column of log-odds."""

    def losses_and_slopes(self, log_odds, rows):
        p, target = expit(log_odds), self.targets[rows, 1:]
        losses = np.logaddexp(0, log_odds) - target * log_odds
        return losses[:, 0], p - target

    def second_order(self, coef):
        """Return value, gradient and Hessian, (d + 1, d + 1)."""
        value, gradient = self.penalised(coef)
        hessian = np.diag(np.append(np.full(len(coef) - 1, self.penalty), 0.0))
        for rows in blocks(len(self.Z), len(coef)):
            design = np.column_stack([self.Z[rows], np.ones(len(self.Z[rows]))])
            weight, log_odds = self.weight[rows], design @ coef
            losses, slopes = self.losses_and_slopes(log_odds, rows)
            value += weight @ losses
            gradient += design.T @ (weight[:, None] * slopes)
            curvature = weight * (expit(log_odds) * expit(-log_odds))[:, 0]
            hessian += design.T @ (design * curvature[:, None])
        return value, gradient, hessian


def _products(a, b):
    """Multiply row i of a and row j of b for all i <= j, in the order of `np.triu_indices`."""
    return np.concatenate([a[i] * b[i:] for i in range(len(a))])
