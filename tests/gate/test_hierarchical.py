"""Hierarchical mixtures: a tree of gates, fitted node by node."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.gate import HierarchicalGate, SoftmaxGate
from moe_lab.gate.hierarchical.tree import leaves, nodes
from moe_lab.testing import example_table, example_target
from moe_lab.train import EM


@pytest.fixture(scope="module")
def table():
    return example_table(200)


@pytest.fixture(scope="module")
def responsibilities(table):
    logits = np.outer(table["x0"], [2.0, -1.0, 0.5, 0.0])
    logits += np.outer(table["group"] == "a", [0.0, 1.0, 2.0, -1.0])
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def gate(table, responsibilities):
    return HierarchicalGate().fit(table, responsibilities)


def test_the_weights_of_two_by_two_are_products_of_its_node_gates(table, gate):
    root, left, right = (gate.nodes_[path].predict_proba(table) for path in [(), (0,), (1,)])
    products = np.column_stack([root[:, [0]] * left, root[:, [1]] * right])
    assert_allclose(gate.predict_proba(table), products, rtol=1e-12)


def test_an_m_step_is_a_weighted_fit_of_every_node(table, responsibilities, gate):
    weight = np.linspace(0.5, 1.5, len(table))
    fitted = HierarchicalGate().fit(table, responsibilities, sample_weight=weight)
    mass = responsibilities[:, :2].sum(axis=1)
    root = SoftmaxGate().fit(table, np.column_stack([mass, 1 - mass]), sample_weight=weight)
    # The node's features are those of the whole table, not of the rows that reach it.
    left = SoftmaxGate()
    features = left.learn_features(table, weight)
    left.fit_features(features, responsibilities[:, :2] / mass[:, None], weight * mass)
    assert_allclose(fitted.nodes_[()].coef_, root.coef_, atol=1e-8)
    assert_allclose(fitted.nodes_[(0,)].coef_, left.coef_, atol=1e-8)


def test_em_moves_every_node_to_its_conditional_responsibilities(table):
    y = example_target(table, "regression")
    em = EM(n_init=1, max_iter=3, quasi_newton=False)
    moe = MoERegressor("linear", 4, gate="hierarchical", train=em, random_state=0).fit(table, y)
    assert list(moe.gate_.nodes_) == [(), (0,), (1,)]
    assert (np.diff(moe.history_["objective"]) > -1e-8).all()


def test_the_gradient_is_that_of_the_objective(table, responsibilities):
    weight = np.linspace(0.5, 1.5, len(table))
    gate = HierarchicalGate(branches=[2, 3])
    features = gate.learn_features(table)
    gate.fit_features(features, responsibilities, weight)

    def objective(vector):
        gate.vector = vector.copy()
        log_proba = gate.log_proba_features(features)
        return weight @ (responsibilities * log_proba).sum(axis=1) + gate.log_prior_

    elsewhere = gate.vector + 0.1 * np.random.default_rng(0).normal(size=len(gate.vector))
    numeric = approx_fprime(elsewhere, objective, 1e-6)
    gate.vector = elsewhere
    assert_allclose(gate.gradient(features, responsibilities, weight), numeric, atol=1e-3)


def _subtree(gate, path, experts):
    """The same tree as mixtures of mixtures, at equal parameters."""
    moe = MoERegressor("linear", n_experts=len(experts))
    moe.experts_, moe.n_experts_ = experts, len(experts)
    moe.gate_, moe.density_gate_ = gate.nodes_[path], None
    return moe


@pytest.mark.parametrize("n_experts", [2, 4, 5])
def test_a_hierarchy_is_a_tree_of_nested_mixtures(table, n_experts):
    y = example_target(table, "regression")
    em = EM(n_init=1, max_iter=5)
    moe = MoERegressor("linear", n_experts, gate="hierarchical", train=em, random_state=0)
    moe.fit(table, y)

    def nested(tree, path=()):
        if isinstance(tree, int):
            return moe.experts_[tree]
        inner = _subtree(
            moe.gate_, path, [nested(child, (*path, b)) for b, child in enumerate(tree)]
        )
        inner.pooler_, inner.n_features_in_ = moe.pooler_, moe.n_features_in_
        inner.feature_names_in_ = moe.feature_names_in_
        inner.scales_ = np.full(len(tree), np.nan)
        return inner

    tree = nested(moe.gate_.tree_)
    assert_allclose(tree.predict(table), moe.predict(table), rtol=0, atol=1e-10)
    assert_allclose(tree.score_samples(table, y), moe.score_samples(table, y), rtol=0, atol=1e-10)
    interval = tree.predict_distribution(table).interval(0.9)
    assert_allclose(interval, moe.predict_distribution(table).interval(0.9), atol=1e-8)


@pytest.mark.parametrize(
    ("params", "tree"),
    [
        ({}, [[0, 1], [2, 3]]),
        ({"branches": 4}, [0, 1, 2, 3]),
        ({"branches": [3, 2]}, [[0, 1], 2, 3]),
        ({"tree": [3, [0, [1, 2]]]}, [3, [0, [1, 2]]]),
    ],
)
def test_any_depth_and_branching(table, responsibilities, params, tree):
    gate = HierarchicalGate(**params).fit(table, responsibilities)
    assert gate.tree_ == tree
    assert_allclose(gate.predict_proba(table).sum(axis=1), 1)
    assert_allclose(gate.predict_proba(table).mean(axis=0), responsibilities.mean(axis=0), atol=0.1)


def test_node_gates_of_different_kinds(table, responsibilities):
    node = ["tree", ("column", {"column": "group"})]
    gate = HierarchicalGate(node=node).fit(table, responsibilities)
    assert [type(gate.nodes_[path]).__name__ for path in [(), (0,)]] == ["TreeGate", "ColumnGate"]
    assert not gate.parametric
    y = example_target(table, "classification")
    em = EM(n_init=1, max_iter=2)
    moe = MoEClassifier("linear", 4, gate=gate, train=em, random_state=0).fit(table, y)
    assert moe.score(table, y) > 0.6


def test_node_weights_are_the_way_to_the_leaves(table, gate):
    weights = gate.node_weights(table)
    assert_allclose(weights[()], 1)
    assert_allclose(weights[(0, 0)] + weights[(0, 1)], weights[(0,)])
    assert_allclose(weights[(1, 0)], gate.predict_proba(table)[:, 2])


def test_parameters_are_those_of_the_nodes(gate):
    assert gate.n_parameters_ == sum(node.n_parameters_ for node in gate.nodes_.values())


def test_without_an_expert_its_branch_goes(table):
    gate = HierarchicalGate().without(np.array([1]), n_experts=4)
    assert gate.fit(table, np.full((len(table), 3), 1 / 3)).tree_ == [0, [1, 2]]
    assert leaves([[0, 1], 2]) == [0, 1, 2]
    assert [path for path, _ in nodes([[0, 1], 2])] == [(), (0,)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tree": [[0, 1], 2]}, r"leaves of tree must be the experts 0..3, once each, got"),
        ({"tree": [[0, 1], [2, [3]]]}, "Every node must have at least 2 branches"),
        ({"branches": 1}, "Every node must have at least 2 branches, got branches=1"),
        ({"node": "softmx"}, "Unknown gate 'softmx'"),
    ],
)
def test_wrong_trees(table, responsibilities, params, message):
    with pytest.raises(ValueError, match=message):
        HierarchicalGate(**params).fit(table, responsibilities)


def test_one_expert_needs_no_node():
    X = pd.DataFrame({"x": np.arange(5.0)})
    gate = HierarchicalGate().fit(X, np.ones((5, 1)))
    assert_allclose(gate.predict_proba(X), 1)
