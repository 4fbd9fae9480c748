"""Answers at the edges: sums by rounding, dropped experts, settings that are no numbers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from moe_lab import MoEClassifier, MoERegressor, retell, select_n_experts
from moe_lab.divide.base import Divider
from moe_lab.experts import LinearExpert
from moe_lab.gate import GaussianGate, HierarchicalGate, RulesGate, SoftmaxGate
from moe_lab.inspection import bootstrap_intervals
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.pool.base import Pooler
from moe_lab.train import EM

QUICK = EM(n_init=1, max_iter=2)
X = np.random.default_rng(0).uniform(-1, 1, (200, 1))
Y = np.abs(X[:, 0])

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Rounding(Pooler):
    """Says a little more than 1 for class 0, as sums of ten times .1 do."""

    def pool(self, predictions, gate_weights, scales=None):
        certain = np.nextafter(1.0, 2.0)
        return np.tile([certain, 0.0], (len(predictions), 1))


@pytest.mark.parametrize("pool", [Rounding(), "vote", "linear"])
def test_no_probability_exceeds_one(pool):
    y = np.repeat([0, 1], 100)
    moe = MoEClassifier("linear", 7, pool=pool, train=QUICK, random_state=0)
    probabilities = moe.fit(10 * X, y).predict_proba(10 * X)
    assert probabilities.max() <= 1
    log_loss(y, probabilities)


class Unfair(Divider):
    """Leaves nothing to any expert but the first."""

    def divide(self, X, y, *, n_experts, sample_weight=None, random_state=None):
        return np.eye(n_experts)[np.zeros(len(y), dtype=int)]


def test_top_k_takes_what_training_left():
    moe = MoERegressor("linear", 4, pool=("top_k", {"k": 3}), divide=Unfair(), train=QUICK)
    moe.set_params(random_state=0).fit(X, Y)
    assert moe.n_experts_ == 1
    assert moe.pooler_.k == 1
    assert np.isfinite(moe.predict(X)).all()
    assert moe.pool == ("top_k", {"k": 3})


def test_weights_that_differ_by_rounding_are_retold_as_constant():
    moe = MoERegressor("linear", 2, train=QUICK, random_state=0).fit(X, Y)
    noise = 1e-16 * np.sign(np.random.default_rng(0).normal(size=(200, 1)))
    moe.gate_weights = lambda X: 0.5 + noise * [[1, -1]]
    told = retell(moe, X)
    assert len(told.rules) == 1
    assert told.fidelity == 1


@pytest.mark.parametrize("tree", ["x", [[0, "1"], 2], [0, 1.5, 2], {0: 1}])
def test_a_tree_that_is_none_is_said(tree):
    with pytest.raises(TypeError, match="tree must be a nested list of the experts' numbers"):
        MoERegressor("linear", 3, gate=HierarchicalGate(tree=tree), train=QUICK).fit(X, Y)


@pytest.mark.parametrize(
    "tree", [[[np.int64(0), 1], np.int8(2)], ((0, 1), 2), [np.array([0, 1]), 2]]
)
def test_a_tree_takes_whole_numbers_and_sequences_of_any_kind(tree):
    gate = HierarchicalGate(tree=tree).fit(X, np.eye(3)[np.arange(200) % 3])
    assert gate.tree_ == [[0, 1], 2]


@pytest.mark.parametrize("value", ["a", None, np.nan])
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("tol", lambda v: {"train": EM(tol=v)}),
        ("min_scale", lambda v: {"train": EM(min_scale=v)}),
        ("C", lambda v: {"gate": SoftmaxGate(C=v)}),
        ("alpha", lambda v: {"experts": LinearExpert(alpha=v)}),
        ("shrinkage", lambda v: {"gate": GaussianGate(shrinkage=v)}),
        ("pseudo_count", lambda v: {"gate": RulesGate(["x0 < 0"], pseudo_count=v)}),
        ("sharpness", lambda v: {"divide": ("random", {"sharpness": v})}),
        ("min_share", lambda v: {"divide": ("tree", {"min_share": v})}),
    ],
)
def test_what_must_be_a_number_is_said(name, part, value):
    settings = {"experts": "linear", "n_experts": 2, "train": QUICK} | part(value)
    with pytest.raises(ValueError, match=f"{name} must be .*{value}"):
        MoERegressor(**settings).fit(X, Y)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda d: d.interval("a"), "level must be a number between 0 and 1, got level='a'"),
        (lambda d: d.interval([0.9]), "level must be a number"),
        (lambda d: d.quantile("a"), "q must be one number or a list, between 0 and 1, got q='a'"),
        (lambda d: d.quantile([0.1, "b"]), "q must be one number"),
        (lambda d: d.sample(2.5), "n must be a whole number, 1 or more, got n=2.5"),
        (lambda d: d.sample("a"), "n must be a whole number"),
    ],
)
def test_a_distribution_says_what_it_cannot_answer(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(MixtureDistribution([[1.0]], [[0.0]], 1.0))


def test_bootstrap_says_which_setting_is_no_number():
    moe = MoERegressor("linear", 2, train=QUICK, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="n_boot must be at least 2, got n_boot='a'"):
        bootstrap_intervals(moe, X, Y, n_boot="a")
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got level='a'"):
        bootstrap_intervals(moe, X, Y, level="a")


def test_classes_of_several_types_are_said():
    y = np.array([1, "a"] * 100, dtype=object)
    with pytest.raises(ValueError, match="y must hold classes of one type, got int, str"):
        MoEClassifier("linear", 2, train=QUICK).fit(X, y)


def test_classes_that_a_fold_lacks_are_named_as_they_are():
    y = np.r_[2, np.tile([0, 1], 10)]
    moe = MoEClassifier("linear", train="em")
    with pytest.raises(ValueError, match=r"got \[2\] only in one fold's test rows"):
        select_n_experts(moe, np.arange(21.0)[:, None], y)


def test_no_model_warns_of_the_jobs_it_is_given():
    y = pd.Series(Y > 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        MoEClassifier([LogisticRegression(), "linear"], random_state=0).fit(X, y)
