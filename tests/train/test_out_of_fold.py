"""The default mixture: what is learnt out of fold, and how often; what hostile input does."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, RegressorMixin

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts.base import Expert, experts, is_stacker
from moe_lab.experts.spec import as_experts, listed
from moe_lab.testing import example_table, example_target
from moe_lab.train import OutOfFold

SMALL = ["linear", ("extra_trees", {"n_estimators": 20}), ("lightgbm", {"n_estimators": 20})]
TASKS = ["regression", "classification"]


def mixture(task, experts=SMALL, **settings):
    kind = MoERegressor if task == "regression" else MoEClassifier
    return kind(experts, random_state=0, **settings)


def smooth(n_samples=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=n_samples)


class CountsFits(RegressorMixin, BaseEstimator):
    """Predicts the mean; every fit of any copy is counted, with its rows."""

    rows: list = []

    def fit(self, X, y, sample_weight=None):
        self.rows.append(len(y))
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class Remembers(RegressorMixin, BaseEstimator):
    """Knows every target that it was fitted to, and says the mean of the others."""

    def fit(self, X, y, sample_weight=None):
        self.known_ = dict(zip(map(tuple, np.asarray(X)), y, strict=True))
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.array([self.known_.get(tuple(row), self.mean_) for row in np.asarray(X)])


class Listener(RegressorMixin, BaseEstimator):
    """A stacker that keeps what it was told in fit."""

    depends_on = "experts"
    parametric = True

    def fit(self, X, y, sample_weight=None, *, predictions):
        self.told_, self.y_ = predictions.copy(), y
        return self

    def predict(self, X, *, predictions):
        return predictions[:, 0, 0]


class ListenerExpert(Expert):
    tasks = ("regression",)
    depends_on = "experts"

    def build(self, task, **settings):
        return Listener()


@pytest.mark.parametrize("cv", [2, 3])
def test_every_expert_is_fitted_once_a_fold_and_once_to_all_rows(cv):
    X, y = smooth()
    CountsFits.rows.clear()
    moe = MoERegressor([CountsFits(), CountsFits(), CountsFits()], train=OutOfFold(cv=cv))
    moe.fit(X, y)
    in_folds = [300 * (cv - 1) // cv] * 3 * cv
    assert sorted(CountsFits.rows) == sorted(in_folds + [300] * 3)
    report = moe.fit_report_.groupby("step")["fits"].sum()
    assert report[["cross_fit", "refit"]].tolist() == [3 * cv, 3]
    assert report[["stack", "gate", "pool", "density"]].tolist() == [1, 1, 1, 1]


def test_a_stacker_never_hears_what_an_expert_says_of_its_own_training_rows():
    X, y = smooth()
    moe = MoERegressor([Remembers(), "linear", ListenerExpert()], random_state=0).fit(X, y)
    listener = moe.experts_[-1]
    assert np.abs(listener.told_[:, 0, 0] - y).min() > 1e-9
    assert_allclose(moe.experts_[0].predict(X), y)  # which it would have known by heart


@pytest.mark.parametrize("task", TASKS)
def test_the_default_mixture_is_what_was_listed_an_anchored_gate_and_a_learned_pool(task):
    X = example_table(200)
    y = example_target(X, task)
    moe = mixture(task).fit(X, y)
    assert moe.expert_names_ == ["linear", "extra_trees", "lightgbm"]
    assert (type(moe.gate_).__name__, type(moe.pooler_).__name__) == (
        "AnchoredGate",
        "LearnedPooler",
    )
    weights = moe.gate_weights(X)
    assert_allclose(weights.sum(axis=1), 1)
    assert (np.ptp(weights, axis=0).max() > 0.01) == (task == "regression")
    answer = moe.predict(X)[:, None] if task == "regression" else moe.predict_proba(X)
    terms = moe.pooler_.terms(moe.expert_predictions(X), weights, X=X)
    assert_allclose(terms.answer(), answer, rtol=1e-9)


def test_the_weights_of_the_default_differ_between_tables():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    line, step = X @ [1, 2, 3], 3.0 * (X[:, 0] > 0) * (X[:, 1] > 0)
    noise = 0.1 * rng.normal(size=300)
    weights = [
        mixture("regression").fit(X, y + noise).gate_weights(X).mean(axis=0)[0]
        for y in (line, step)
    ]
    assert weights[0] > 0.8 > 0.3 > weights[1]  # of the linear expert


def test_stackers_that_are_listed_say_what_the_learned_pool_does():
    """Classification: the same weights, biases and trees, once as experts and once as the pool."""
    X = example_table(200)
    y = example_target(X, "classification")
    pooled = mixture("classification").fit(X, y)
    hybrid = mixture("classification", [*SMALL, "stacker", "residual_stacker"]).fit(X, y)
    assert_allclose(pooled.predict_proba(X), hybrid.predict_proba(X), atol=1e-9)
    assert_allclose(pooled.log_likelihood(X, y), hybrid.log_likelihood(X, y), rtol=1e-6)
    assert_allclose(pooled.history_, hybrid.history_, rtol=1e-9)
    assert hybrid.gate_weights(X)[0].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("gate", ["auto", "softmax", "constant", "shrunk_softmax"])
def test_the_mean_of_the_distribution_is_the_prediction(gate):
    X = example_table(200)
    moe = mixture("regression", gate=gate).fit(X, example_target(X, "regression"))
    assert_allclose(moe.predict_distribution(X).mean, moe.predict(X), rtol=1e-8, atol=1e-8)


LEVELS = [
    (task, name)
    for name in experts.names()
    if experts.get(name).__dict__.get("depends_on") == "experts"
    for task in experts.get(name).tasks
]


@pytest.mark.parametrize(("task", "stacker"), LEVELS)
def test_every_level_can_be_used_alone(task, stacker):
    X = example_table(200)
    y = example_target(X, task)
    moe = mixture(task, [*SMALL, stacker], gate="softmax").fit(X, y)
    assert moe.expert_names_[3:] == [stacker]
    assert moe.score(X, y) > 0.7


def test_rows_are_predicted_alike_alone_and_together():
    X = example_table(200)
    moe = mixture("regression").fit(X, example_target(X, "regression"))
    alone = [moe.predict(X.iloc[[i]])[0] for i in range(5)]
    assert_allclose(alone, moe.predict(X.iloc[:5]), rtol=1e-9)


def test_a_stacker_cannot_be_trained_by_em():
    X, y = smooth(60)
    with pytest.raises((TypeError, ValueError), match="stacker"):
        MoERegressor(["linear", "stacker"], train="em").fit(X, y)


@pytest.mark.parametrize("pool", ["argmax", ("top_k", {"k": 1})])
def test_a_sparse_pool_refuses_what_reads_all_experts(pool):
    X, y = smooth(60)
    with pytest.raises(ValueError, match="pool must ask every expert where stacker"):
        MoERegressor([*SMALL, "stacker"], gate="softmax", pool=pool).fit(X, y)
    with pytest.raises(ValueError, match="AnchoredGate"):
        MoERegressor(SMALL, gate="anchored", pool=pool).fit(X, y)
    assert MoERegressor(SMALL, pool=pool).fit(X, y).n_experts_ == 3


def test_experts_of_the_mixture_are_those_of_stacking():
    from moe_lab.registry import methods

    X, y = smooth(120)
    stacking = methods.create("stacking", experts=SMALL).build("regression", random_state=0)
    moe = MoERegressor(SMALL, random_state=0).fit(X, y)
    for (_, theirs), ours in zip(stacking.estimators, moe.experts_[:3], strict=True):
        assert type(theirs) is type(ours)
        assert _parameters(theirs) == _parameters(ours)
    assert len(as_experts("auto", "regression")) == len(
        methods.create("stacking").build("regression", random_state=0).estimators
    )


def _parameters(estimator):
    """Everything but the seeds, in words."""
    params = estimator.get_params(deep=True)
    return {
        k: repr(v) for k, v in params.items() if "random_state" not in k and "seed" not in repr(v)
    }


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_nothing_set_at_all(task):
    X = example_table(200)
    y = example_target(X, task)
    moe = (MoERegressor if task == "regression" else MoEClassifier)().fit(X, y)
    assert {"linear", "lightgbm"} & set(moe.expert_names_) <= set(listed("auto"))
    assert not any(is_stacker(expert) for expert in moe.experts_)
    assert moe.score(X, y) > 0.8
    assert moe.predict(X.iloc[:1]).shape == (1,)


def test_an_anchor_of_ones_own_is_kept():
    X, y = smooth()
    gate = ("anchored", {"anchor": [1, 0, 0], "n_estimators": 0})
    weights = MoERegressor(SMALL, gate=gate).fit(X, y).gate_weights(X)
    assert_allclose(weights, np.tile([1, 0, 0], (len(X), 1)), atol=1e-12)
    with pytest.raises(ValueError, match="anchor must hold a non-negative weight for each of 3"):
        MoERegressor(SMALL, gate=("anchored", {"anchor": [1, 2]})).fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"experts": [*SMALL, "stacker"], "divide": "kmeans"}, "divide must be None where"),
        ({"experts": SMALL, "time_limit": 0}, "time_limit must be positive seconds"),
        ({"experts": SMALL, "time_limit": "60"}, "time_limit must be positive seconds"),
        ({"experts": "linear", "n_experts": 0}, "n_experts must be a whole number, 1 or more"),
        ({"experts": [*SMALL, ("stacker", {"pull": -1})]}, "pull must be at least 0"),
        ({"experts": ["stacker"]}, "plain expert"),
    ],
)
def test_settings_that_cannot_be_are_told(params, message):
    with pytest.raises(ValueError, match=message):
        MoERegressor(**params).fit(*smooth(60))


def test_an_unfitted_ensemble_is_an_expert_though_it_has_no_length():
    from sklearn.ensemble import GradientBoostingRegressor

    forest = GradientBoostingRegressor(n_estimators=5)
    moe = MoERegressor(["linear", forest]).fit(*smooth(60))
    assert moe.expert_names_[1] == "GradientBoostingRegressor"
    with pytest.raises(TypeError, match="GradientBoostingRegressor"):
        MoEClassifier([forest, "linear"]).fit(smooth(60)[0], np.arange(60) % 2)
