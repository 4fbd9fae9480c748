"""Every registered plugin keeps the laws of its kind: the registry is the test list."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import GammaRegressor, LinearRegression, PoissonRegressor
from sklearn.neighbors import KNeighborsRegressor

from moe_lab.experts.base import Expert
from moe_lab.experts.estimator import EstimatorExpert
from moe_lab.experts.residual_stacker import ResidualRegressor
from moe_lab.gate import SoftmaxGate
from moe_lab.likelihood.stacks import LinearStack
from moe_lab.registry import datasets, dividers, experts, gates, methods, poolers, trainers
from moe_lab.table import NumericTable, Prepared
from moe_lab.testing import (
    DATASET_CHECKS,
    DIVIDER_CHECKS,
    EXPERT_CHECKS,
    GATE_CHECKS,
    METHOD_CHECKS,
    POOLER_CHECKS,
    TRAINER_CHECKS,
    check_expert_does_not_leak,
    check_expert_heeds_sample_weight,
    check_expert_keeps_row_order,
    check_gate_heeds_sample_weight_in_the_pooled_loss,
    check_stacker_heeds_sample_weight,
    check_trainer_heeds_sample_weight,
    example,
)
from moe_lab.train import OutOfFold
from moe_lab.train.density import ScaleMixture

LAWS = {
    "divider": (dividers, DIVIDER_CHECKS),
    "expert": (experts, EXPERT_CHECKS),
    "gate": (gates, GATE_CHECKS),
    "pooler": (poolers, POOLER_CHECKS),
    "trainer": (trainers, TRAINER_CHECKS),
    "method": (methods, METHOD_CHECKS),
}
DROP_INS = [  # the built-in ones are checked more closely by tests of data sets
    name for name in datasets.names() if not datasets.card(name).origin.startswith("moe_lab.")
]
CASES = [
    pytest.param(registry, name, check, id=f"{kind}-{name}-{check.__name__}")
    for kind, (registry, checks) in LAWS.items()
    for name in registry.names()
    for check in checks
] + [
    pytest.param(datasets, name, check, id=f"dataset-{name}-{check.__name__}")
    for name in DROP_INS
    for check in DATASET_CHECKS
]


@pytest.mark.parametrize(("registry", "name", "check"), CASES)
def test_every_plugin_keeps_the_laws_of_its_kind(registry, name, check):
    check(example(registry, name))


class IgnoresWeights(LinearRegression):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


class Leaks(RegressorMixin, BaseEstimator):
    """Remembers every row that any of its kind was ever fitted to."""

    seen: dict = {}

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.mean(y)
        self.seen.update(zip(map(tuple, X), y, strict=True))
        return self

    def predict(self, X):
        return np.array([self.seen.get(tuple(row), self.mean_) for row in X])


class Reorders(LinearRegression):
    def predict(self, X):
        return np.sort(super().predict(X))


@pytest.mark.parametrize(
    ("fake", "check"),
    [
        (IgnoresWeights(), check_expert_heeds_sample_weight),
        (Leaks(), check_expert_does_not_leak),
        (Reorders(), check_expert_keeps_row_order),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_fake_expert_fails_its_check(fake, check):
    check(EstimatorExpert(regressor=LinearRegression()))
    with pytest.raises(AssertionError):
        check(EstimatorExpert(regressor=fake))


class IgnoresWeightsPooled(SoftmaxGate):
    def fit_pooled(self, X, predictions, y, loss, sample_weight=None):
        return super().fit_pooled(X, predictions, y, loss)


class IgnoresWeightsStacking(LinearStack):
    def fit(self, X, y, sample_weight=None, *, predictions):
        return super().fit(X, y, predictions=predictions)


class IgnoresWeightsCorrecting(ResidualRegressor):
    def _boost(self, X, y, sample_weight, predictions):
        return super()._boost(X, y, None, predictions)


class Builds(Expert):
    tasks = ("regression",)
    depends_on = "experts"

    def __init__(self, built):
        self.built = built

    def build(self, task, **_):
        return self.built


@pytest.mark.parametrize(
    ("honest", "fake", "check"),
    [
        (
            SoftmaxGate(),
            IgnoresWeightsPooled(),
            check_gate_heeds_sample_weight_in_the_pooled_loss,
        ),
        (
            Builds(LinearStack()),
            Builds(IgnoresWeightsStacking()),
            check_stacker_heeds_sample_weight,
        ),
        (
            Builds(ResidualRegressor(100, 0.05, 4)),
            Builds(IgnoresWeightsCorrecting(100, 0.05, 4)),
            check_stacker_heeds_sample_weight,
        ),
    ],
    ids=["pooled", "stack", "correction"],
)
def test_what_ignores_weights_on_the_level_above_fails_its_check(honest, fake, check):
    check(honest)
    with pytest.raises(AssertionError):
        check(fake)


def test_a_density_that_ignores_weights_fails_the_check_of_trainers(monkeypatch):
    fit = ScaleMixture.fit
    monkeypatch.setattr(ScaleMixture, "fit", lambda self, *data: fit(self, *data[:4]))
    with pytest.raises(AssertionError):
        check_trainer_heeds_sample_weight(OutOfFold())


def test_an_expert_without_sample_weight_heeds_weights_by_bootstrap():
    check_expert_heeds_sample_weight(EstimatorExpert(regressor=KNeighborsRegressor(50)))


@pytest.mark.parametrize("regressor", [PoissonRegressor(alpha=1e-3), GammaRegressor(alpha=1e-3)])
@pytest.mark.parametrize("check", EXPERT_CHECKS, ids=lambda check: check.__name__)
def test_an_expert_of_positive_targets_is_checked_on_such(check, regressor):
    check(EstimatorExpert(regressor=regressor))


def test_an_expert_that_cross_fits_itself_in_sample_fails_the_leak_check():
    class SelfCrossFit(Prepared):
        def cross_fit(self, X, y, folds, sample_weight):
            return y

    class InSample(Expert):
        tasks = ("regression",)

        def build(self, task, **_):
            return SelfCrossFit(NumericTable(), LinearRegression())

    with pytest.raises(AssertionError):
        check_expert_does_not_leak(InSample())
