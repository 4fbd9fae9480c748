"""Generated data sets: the truth is known, and so is what a mixture should find."""

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from moe_lab.datasets.base import Dataset, datasets


def _dataset(name, X, y, task, columns=None, **options):
    columns = columns or [f"x{column}" for column in range(X.shape[1])]
    y = pd.Series(y, name="y")
    return Dataset(name, pd.DataFrame(X, columns=columns), y, task, source="generated", **options)


@datasets.register("s_curve")
def s_curve(n_samples: int = 500, random_state: int = 0) -> Dataset:
    """The S-curve x = y + .3 sin(2 pi y) + noise: up to three answers for one x. Regression."""
    rng = np.random.default_rng(random_state)
    y = rng.uniform(0, 1, n_samples)
    x = y + 0.3 * np.sin(2 * np.pi * y) + rng.uniform(-0.1, 0.1, n_samples)
    note = "Bishop (1994), the inverse problem: the mean is a bad answer in the middle."
    return _dataset("s_curve", x[:, None], y, "regression", columns=["x"], note=note)


@datasets.register("two_lines")
def two_lines(n_samples: int = 400, random_state: int = 0) -> Dataset:
    """Two crossing lines, y = x or y = -x, noise .1: no split of x separates them. Regression."""
    rng = np.random.default_rng(random_state)
    x = rng.uniform(-1, 1, n_samples)
    slope = rng.choice([-1.0, 1.0], n_samples)
    y = slope * x + 0.1 * rng.standard_normal(n_samples)
    note = "Clustering x cannot find the lines; the likelihood can."
    return _dataset("two_lines", x[:, None], y, "regression", columns=["x"], note=note)


@datasets.register("piecewise")
def piecewise(
    n_samples: int = 2000,
    n_regimes: int = 3,
    n_features: int = 6,
    nonlinear: bool = False,
    noise: float = 0.3,
    random_state: int = 0,
) -> Dataset:
    """Regimes behind a softmax gate, each with its own linear (or nonlinear) answer. Regression."""
    rng = np.random.default_rng(random_state)
    X = rng.standard_normal((n_samples, n_features))
    regime = _regimes(X, n_regimes, rng)
    coef = rng.normal(0, 2, (n_regimes, n_features))
    level = rng.normal(0, 3, n_regimes)
    means = X @ coef.T + level  # (n_samples, n_regimes)
    if nonlinear:
        means += 2 * np.sin(2 * X @ rng.standard_normal((n_features, n_regimes)))
    y = means[np.arange(n_samples), regime] + noise * rng.standard_normal(n_samples)
    note = f"{n_regimes} regimes; the gate reads x0 and x1, every regime reads all columns."
    return _dataset("piecewise", X, y, "regression", note=note)


@datasets.register("switching")
def switching(
    n_samples: int = 2000, n_regimes: int = 3, n_features: int = 6, random_state: int = 0
) -> Dataset:
    """Regimes behind a softmax gate, each with its own boundary between the classes. Binary."""
    rng = np.random.default_rng(random_state)
    X = rng.standard_normal((n_samples, n_features))
    regime = _regimes(X, n_regimes, rng)
    coef = rng.normal(0, 2, (n_regimes, n_features))
    y = rng.random(n_samples) < expit(np.einsum("nd,nd->n", X, coef[regime]))
    note = f"{n_regimes} regimes; the gate reads x0 and x1, every boundary reads all columns."
    return _dataset("switching", X, y.astype(int), "classification", note=note)


def _regimes(X, n_regimes, rng):
    """Draw each row's regime from a softmax gate on x0 and x1: sectors, a little blurred."""
    angle = 2 * np.pi * np.arange(n_regimes) / n_regimes
    gate = softmax(6 * X[:, :2] @ np.stack([np.cos(angle), np.sin(angle)]), axis=1)
    return (gate.cumsum(axis=1) < rng.random((len(X), 1))).sum(axis=1).clip(max=n_regimes - 1)


@datasets.register("lightgbm_moe")
def lightgbm_moe(n_samples: int = 2000, random_state: int = 0) -> Dataset:
    """The synthetic set of LightGBM-MoE: two regimes behind a linear rule. Regression."""
    rng = np.random.default_rng(random_state)
    X = rng.standard_normal((n_samples, 5))
    x0, x1, x2, x3, x4 = X.T
    low = 0.5 * x1 + 0.3 * x2 - 0.2 * x3 <= 0
    first = 5 * x0 + 3 * x0 * x2 + 2 * np.sin(2 * x3) + 10
    second = -5 * x0 - 2 * x1**2 + 3 * np.cos(2 * x4) - 10
    y = np.where(low, first, second) + 0.5 * rng.standard_normal(n_samples)
    note = "Marked as in time order, since its README scores by TimeSeriesSplit(5)."
    return _dataset("lightgbm_moe", X, y, "regression", time_ordered=True, note=note)


@datasets.register("two_spirals")
def two_spirals(n_samples: int = 1000, noise: float = 0.1, random_state: int = 0) -> Dataset:
    """Two intertwined spirals of one and a half turns: no linear model helps. Binary."""
    rng = np.random.default_rng(random_state)
    y = rng.integers(0, 2, n_samples)
    angle = 3 * np.pi * np.sqrt(rng.random(n_samples))  # evenly spread along the arm
    radius = angle / np.pi
    turned = angle + np.pi * y
    X = np.column_stack([radius * np.cos(turned), radius * np.sin(turned)])
    X += noise * rng.standard_normal(X.shape)
    return _dataset("two_spirals", X, y, "classification")


@datasets.register("robot_arm")
def robot_arm(n_samples: int = 20_000, random_state: int = 0, output: int = 0) -> Dataset:
    """Forward dynamics of a two-link arm: acceleration of joint `output`, 0 or 1. Regression."""
    if output not in (0, 1):
        raise ValueError(f"output must be 0 or 1, the joint to predict, got output={output!r}.")
    rng = np.random.default_rng(random_state)
    q1, q2 = rng.uniform(-np.pi, np.pi, (2, n_samples))  # angles
    d1, d2 = rng.uniform(-2, 2, (2, n_samples))  # speeds
    t1, t2 = rng.uniform(-3, 3, (2, n_samples))  # torques
    m11, m12, m22 = 3 + 2 * np.cos(q2), 1 + np.cos(q2), 1.0  # inertia
    c1, c2 = -(2 * d1 * d2 + d2**2) * np.sin(q2), d1**2 * np.sin(q2)
    determinant = m11 * m22 - m12**2
    Y = np.stack([m22 * (t1 - c1) - m12 * (t2 - c2), m11 * (t2 - c2) - m12 * (t1 - c1)], axis=1)
    Y /= determinant[:, None]
    Y += 0.05 * Y.std(axis=0) * rng.standard_normal(Y.shape)
    X = np.column_stack([np.cos(q1), np.sin(q1), np.cos(q2), np.sin(q2), d1, d2, t1, t2])
    columns = ["cos_q1", "sin_q1", "cos_q2", "sin_q2", "d1", "d2", "t1", "t2"]
    note = "After Jordan & Jacobs (1994). With 20,000 rows, the first 15,000 are the training part."
    return _dataset("robot_arm", X, Y[:, output], "regression", columns=columns, note=note)


@datasets.register("friedman1")
def friedman1(n_samples: int = 2000, random_state: int = 0) -> Dataset:
    """Friedman's first function, smooth and without regimes: the control. Regression."""
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(n_samples, n_features=10, noise=1.0, random_state=random_state)
    return _dataset(
        "friedman1",
        X,
        y,
        "regression",
        note="A mixture should tie. Five of ten columns are nuisance.",
    )
