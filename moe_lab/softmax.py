"""Softmax (multinomial logistic) regression on soft targets, and on the likelihood of fixed
experts.

shapes: (n)samples, (d)features, (k)lasses or experts. A coefficient matrix is (d + 1, k): row j
holds feature j, the last row the intercepts, which no penalty touches.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import logsumexp

NEWTON_LIMIT = 400  # unknowns up to which a Hessian costs less than L-BFGS's extra passes
WARM = 10  # rounds of L-BFGS from a start that is given
BLOCK = 50_000  # numbers in the largest array made for a block of rows


def logits(Z, coef):
    """Return Z W + b, (n, k): column by column in memory, where sums along a row are fastest."""
    columns = coef[:-1].T @ Z.T
    columns += coef[-1][:, None]
    return columns.T


def log_softmax(logits):
    """Return the log softmax of each row, (n, k)."""
    shifted = logits - row_max(logits)[:, None]
    shifted -= np.log(row_sum(np.exp(shifted)))[:, None]
    return shifted


def softmax(logits):
    """Return the softmax of each row, (n, k)."""
    shares = logits - row_max(logits)[:, None]
    np.exp(shares, out=shares)
    shares /= row_sum(shares)[:, None]
    return shares


def row_max(array):
    """Return the maximum of each row of a narrow array: column by column is many times faster."""
    best = array[:, 0].copy()
    for column in array.T[1:]:
        np.maximum(best, column, out=best)
    return best


def row_sum(array):
    """Return the sum of each row of a narrow array; as a product, which is many times faster."""
    return array @ np.ones(array.shape[1])


def blocks(n_samples, width):
    """Cut the rows into slices whose products with ``width`` columns stay in the cache."""
    size = max(256, BLOCK // width)
    return (slice(first, first + size) for first in range(0, n_samples, size))


def fit_softmax(Z, targets, sample_weight=None, *, C=1.0, coef=None, centre=0.0, max_iter=100):
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
    _check(C)
    n_samples, n_features = Z.shape
    weight = np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight, float)
    weight = weight / weight.sum()  # objective per unit of weight, so that tolerances mean the same
    total = n_samples if sample_weight is None else np.sum(sample_weight)
    penalty = 1.0 / (C * total)
    if coef is None:
        coef = np.zeros((n_features + 1, targets.shape[1]))
    else:
        max_iter = 1 if coef.size <= NEWTON_LIMIT else WARM
    problem = _SoftTargets(Z, targets, weight, penalty, centre)
    solve = _newton if coef.size <= NEWTON_LIMIT else _lbfgs
    coef = solve(problem, coef, max_iter)
    return coef - coef.mean(axis=1, keepdims=True)


def softmax_gradient(Z, coef, targets, sample_weight, *, C=1.0, centre=0.0):
    """Return the gradient of minus what ``fit_softmax`` minimises, shaped as ``coef``."""
    slopes = targets - softmax(logits(Z, coef))
    slopes *= sample_weight[:, None]
    gradient = np.vstack([Z.T @ slopes, slopes.sum(axis=0)])
    gradient[:-1] -= (coef[:-1] - centre) / C
    return gradient


def fit_mixing(Z, log_lik, sample_weight=None, *, C=1.0, coef=None, max_iter=200):
    """Fit softmax gate weights to the likelihood of fixed experts.

    Minimises ``-sum_i w_i log sum_k g_k(z_i) exp(log_lik_ik) + |W|^2 / (2 C)``, starting from the
    best constant weights.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    log_lik : ndarray of shape (n_samples, n_experts)
        Log-likelihood of each target under each expert, in nats.

    Returns
    -------
    coef : ndarray of shape (n_features + 1, n_experts)
    """
    return _from_constant(
        lambda Z: _Mixing(Z, log_lik), Z, log_lik.shape[1], sample_weight, C, coef, max_iter
    )


def fit_pooled_mean(Z, predictions, y, sample_weight=None, *, C=1.0, coef=None, max_iter=200):
    """Fit softmax gate weights to the squared error of the pooled mean of fixed experts.

    Minimises ``sum_i w_i (y_i - sum_k g_k(z_i) a_ik)^2 / (2 s^2) + |W|^2 / (2 C)``, where s^2 is
    the mean squared error of the best expert, so that C means the same whatever the unit of y.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    predictions : ndarray of shape (n_samples, n_experts)
    y : ndarray of shape (n_samples,)

    Returns
    -------
    coef : ndarray of shape (n_features + 1, n_experts)
    """
    errors = np.average((y[:, None] - predictions) ** 2, axis=0, weights=sample_weight)
    unit = np.sqrt(errors.min()) or 1.0
    return _from_constant(
        lambda Z: _PooledMean(Z, predictions / unit, y / unit),
        Z,
        predictions.shape[1],
        sample_weight,
        C,
        coef,
        max_iter,
    )


def _from_constant(make, Z, n_experts, sample_weight, C, coef, max_iter):
    """Minimise over the intercepts alone, then over all coefficients from there."""
    _check(C)
    weight = np.ones(len(Z)) if sample_weight is None else np.asarray(sample_weight, float)
    penalty = 1.0 / (C * weight.sum())
    weight = weight / weight.sum()
    if coef is None:
        constant = make(Z[:, :0]).weighted(weight, 0.0)
        coef = np.zeros((Z.shape[1] + 1, n_experts))
        coef[-1] = _lbfgs(constant, coef[-1:], max_iter)
    if Z.shape[1]:
        coef = _lbfgs(make(Z).weighted(weight, penalty), coef, max_iter)
    return coef - coef.mean(axis=1, keepdims=True)


def _check(C):
    if not C > 0:
        raise ValueError(f"C must be positive, got C={C}; np.inf is unregularised.")


class _Problem:
    """A smooth objective of the coefficients, per unit of weight, summed block by block."""

    def __init__(self, Z):
        self.Z = Z

    def weighted(self, weight, penalty, centre=0.0):
        self.weight, self.penalty, self.centre = weight, penalty, centre
        return self

    def penalised(self, coef):
        """Return the penalty and its gradient."""
        excess = coef[:-1] - self.centre
        gradient = np.vstack([self.penalty * excess, np.zeros(coef.shape[1])])
        return 0.5 * self.penalty * np.sum(excess**2), gradient

    def value_and_gradient(self, coef):
        value, gradient = self.penalised(coef)
        for rows in blocks(len(self.Z), coef.size):
            Z, weight = self.Z[rows], self.weight[rows]
            losses, slopes = self.losses_and_slopes(logits(Z, coef), rows)  # (n,), (n, k)
            slopes *= weight[:, None]
            value += weight @ losses
            gradient[:-1] += Z.T @ slopes
            gradient[-1] += slopes.sum(axis=0)
        return value, gradient


class _SoftTargets(_Problem):
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


def _products(a, b):
    """Multiply row i of a and row j of b for all i <= j, in the order of `np.triu_indices`."""
    return np.concatenate([a[i] * b[i:] for i in range(len(a))])


class _Mixing(_Problem):
    def __init__(self, Z, log_lik):
        super().__init__(Z)
        self.log_lik = log_lik

    def losses_and_slopes(self, logits, rows):
        log_gate = log_softmax(logits)
        joint = log_gate + self.log_lik[rows]
        losses = logsumexp(joint, axis=1)
        return -losses, np.exp(log_gate) - np.exp(joint - losses[:, None])


class _PooledMean(_Problem):
    def __init__(self, Z, predictions, y):
        super().__init__(Z)
        self.predictions, self.y = predictions, y

    def losses_and_slopes(self, logits, rows):
        gate, predictions = softmax(logits), self.predictions[rows]
        pooled = np.einsum("nk,nk->n", gate, predictions)
        error = pooled - self.y[rows]
        return 0.5 * error**2, error[:, None] * gate * (predictions - pooled[:, None])


def _newton(problem, coef, max_iter, tol=1e-9):
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


def _lbfgs(problem, coef, max_iter):
    def objective(flat):
        value, gradient = problem.value_and_gradient(flat.reshape(coef.shape))
        return value, gradient.ravel()

    result = minimize(
        objective,
        coef.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "ftol": 1e-12, "gtol": 1e-8},
    )
    return result.x.reshape(coef.shape)
