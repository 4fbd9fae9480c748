"""Tempering: experts that are too sure are made as sure as they may be."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.tree import DecisionTreeClassifier

from moe_lab import MoEClassifier
from moe_lab.experts.tempered import Tempered
from moe_lab.likelihood.temper import find_temperatures, temper


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    return X, (X[:, 0] + rng.logistic(size=600) > 0).astype(int)


def test_the_temperature_of_honest_probabilities_is_one():
    rng = np.random.default_rng(0)
    honest = rng.dirichlet([1, 1, 1], size=(20_000, 1))
    y = (rng.random((20_000, 1)) > honest[:, 0].cumsum(axis=1)).sum(axis=1)
    weights = np.ones((20_000, 1))
    assert_allclose(find_temperatures(honest, y, weights), 1, atol=0.05)
    sharper = temper(honest, [0.5])
    assert_allclose(find_temperatures(sharper, y, weights), 2, atol=0.1)


def test_a_tree_that_memorises_is_made_less_sure(noisy):
    X, y = noisy
    tree = DecisionTreeClassifier()
    moe = MoEClassifier(tree, n_experts=1, train="em", random_state=0).fit(X, y)
    assert isinstance(moe.experts_[0], Tempered)
    assert moe.experts_[0].temperature > 4
    fresh = np.random.default_rng(1).normal(size=(500, 2))
    assert moe.predict_proba(fresh).max() < 0.95
    bare = moe.experts_[0].model.predict_proba(fresh)
    assert bare.max() == pytest.approx(1)
    assert_allclose(moe.predict(fresh), bare.argmax(axis=1))


def test_a_class_never_seen_gets_little_probability(noisy):
    X, y = noisy
    model = DecisionTreeClassifier(max_depth=2).fit(X, y)
    wide = Tempered(model, 1.0, n_classes=3).predict_proba(X)
    assert_allclose(wide.sum(axis=1), 1)
    assert (wide[:, 2] < 1e-4).all()
