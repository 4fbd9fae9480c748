"""Reference numbers: what the literature and other packages reach on the same data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import TimeSeriesSplit

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.divide.base import Divider
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.registry import datasets
from moe_lab.train import EM

REGIMES = pd.read_csv(Path(__file__).parents[1] / "data" / "regimes.csv")
FLEXMIX = {4: 4040.079, 5: 4064.472}  # BIC, the best of 20 starts of flexmix 2.3-18


def unregularised(n_experts=3, random_state=0, divide=None, **params):
    return MoERegressor(
        LinearExpert(alpha=0.0),
        n_experts,
        divide=divide,
        gate=SoftmaxGate(C=np.inf),
        train=EM(**params),
        random_state=random_state,
    )


@pytest.mark.parametrize("random_state", range(5))
def test_ten_starts_reach_the_likelihood_of_flexmix(random_state):
    X, y = REGIMES[["x1", "x2"]], REGIMES["y"]
    moe = unregularised(random_state=random_state, n_init=10).fit(X, y)
    assert moe.log_likelihood(X, y) >= -1945.394
    assert moe.n_parameters_ == 18
    assert moe.bic(X, y) == pytest.approx(4022.425, abs=0.5)


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_another_unit_of_y_shifts_the_likelihood_and_nothing_else(unit):
    X, y = REGIMES[["x1", "x2"]], REGIMES["y"]
    one, other = unregularised().fit(X, y), unregularised().fit(X, unit * y)
    shifted = one.log_likelihood(X, y) - len(y) * np.log(unit)
    assert other.log_likelihood(X, unit * y) == pytest.approx(shifted, abs=1e-5)
    assert_allclose(other.responsibilities(X, unit * y), one.responsibilities(X, y), atol=1e-6)


class RandomRows(Divider):
    """Every row to an expert drawn for it: the start of flexmix."""

    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        drawn = np.random.default_rng(random_state).integers(n_experts, size=len(y))
        return np.eye(n_experts)[drawn]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_experts", [4, 5])
def test_with_too_many_experts_the_likelihood_is_no_lower_than_that_of_flexmix(n_experts):
    # These maxima hold a few rows almost without noise: only many full runs find them.
    X, y = REGIMES[["x1", "x2"]], REGIMES["y"]
    starts = (
        unregularised(n_experts, seed, RandomRows(), n_init=1, max_iter=1000) for seed in range(30)
    )
    assert any(moe.fit(X, y).bic(X, y) <= FLEXMIX[n_experts] + 0.5 for moe in starts)


class TrueRegimes(Divider):
    """The two regimes of the LightGBM-MoE synthetic."""

    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        score = X.to_numpy() @ [0, 0.5, 0.3, -0.2, 0]
        return np.eye(2)[(score <= 0).astype(int)]


def synthetic_rmse(divide):
    """Mean over seeds and folds of the root mean squared error on later rows."""
    errors = []
    for seed in range(3):
        data = datasets.create("lightgbm_moe", random_state=seed)
        y = data.y.to_numpy()
        moe = MoERegressor(
            "xgboost",
            n_experts=2,
            divide=divide,
            gate=SoftmaxGate(C=np.inf),
            train=EM(max_iter=4),
            random_state=seed,
        )
        for train, test in TimeSeriesSplit(2).split(data.X):
            predicted = moe.fit(data.X.iloc[train], y[train]).predict(data.X.iloc[test])
            errors.append(np.sqrt(np.mean((y[test] - predicted) ** 2)))
    return np.mean(errors)


@pytest.mark.slow
def test_linear_em_finds_the_regimes_of_the_lightgbm_moe_synthetic():
    found = synthetic_rmse("linear_em")
    assert found <= 2.1  # LightGBM-MoE: 3.792, one LightGBM: 5.4
    assert found <= 1.05 * synthetic_rmse(TrueRegimes())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "output", "goal"),  # each gate has the output that is harder for it
    [("softmax", 0, 0.035), ("hierarchical", 1, 0.05)],
)
def test_sixteen_linear_experts_learn_the_dynamics_of_an_arm(gate, output, goal):
    data = datasets.create("robot_arm", output=output)
    y = data.y.to_numpy()
    moe = MoERegressor("linear", 16, gate=gate, train=EM(n_init=3, max_iter=300))
    moe.set_params(random_state=0).fit(data.X[:15_000], y[:15_000])
    residual = y[15_000:] - moe.predict(data.X[15_000:])
    assert np.mean(residual**2) / y[15_000:].var() <= goal  # over both: linear .405, CART .134


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experts", "gate", "goal"),
    [
        (LinearExpert(alpha=0.01), SoftmaxGate(C=100.0), 0.97),
        (LinearExpert(alpha=0.01), ("hierarchical", {"node": SoftmaxGate(C=100.0)}), 0.90),
    ],
)
def test_logistic_leaves_tell_two_spirals_apart(experts, gate, goal):
    accuracies = []
    for seed in range(5):
        known = datasets.create("two_spirals", random_state=seed)
        fresh = datasets.create("two_spirals", n_samples=1000, random_state=1000 + seed)
        moe = MoEClassifier(experts, 16, gate=gate, train=EM(n_init=5), random_state=seed)
        accuracies.append(moe.fit(known.X, known.y).score(fresh.X, fresh.y))
    assert np.sum(np.array(accuracies) >= goal) >= 4
