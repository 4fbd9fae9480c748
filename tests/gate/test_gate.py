"""Gates: what each one claims for itself."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.mixture import GaussianMixture

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.gate import (
    BoostedGate,
    ColumnGate,
    GaussianGate,
    HierarchicalGate,
    RulesGate,
    ShrunkSoftmaxGate,
    SoftmaxGate,
    TreeGate,
)
from moe_lab.testing import example_table, example_target
from moe_lab.train import EM

GATES = [
    ShrunkSoftmaxGate(),
    GaussianGate(),
    TreeGate(),
    BoostedGate(n_estimators=5),
    ColumnGate("group"),
    RulesGate(["x0 < 0", "group == 'a'"]),
]


def named(gate):
    return type(gate).__name__


def soft(X, n_experts=3, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(n_experts), size=len(X))


def objective(gate, features, responsibilities, weight):
    """The objective of ``fit``: of the joint density, where the gate has one."""
    log_gate = gate.log_proba_features(features)
    if hasattr(gate, "log_density"):
        log_gate = log_gate + gate.log_density(features)[:, None]
    return weight @ np.sum(responsibilities * log_gate, axis=1) + gate.log_prior_


@pytest.mark.parametrize("columns", [["x1", "group"], ["group"]], ids=str)
@pytest.mark.parametrize(
    "gate",
    [SoftmaxGate(), ShrunkSoftmaxGate(), GaussianGate(), TreeGate(), BoostedGate()],
    ids=named,
)
def test_a_gate_reads_only_its_columns(gate, columns):
    X = example_table()
    gate = clone(gate).set_params(columns=columns).fit(X, soft(X))
    other = X.assign(x0=9.0, word="blue")
    assert_allclose(gate.predict_proba(other[:1]), gate.predict_proba(X[:1]), rtol=1e-12)
    assert gate.table_.feature_names_in_.tolist() == ["x0", "x1", "group", "word"]
    with pytest.raises(ValueError, match="Unknown column 'gruop'. Did you mean 'group'"):
        gate.set_params(columns=["gruop"]).fit(X, soft(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("gate", GATES, ids=named)
def test_em_takes_the_gate_on_a_table_as_it_comes(gate, task):
    X = example_table(200)
    y = example_target(X, task)
    mixture = MoERegressor if task == "regression" else MoEClassifier
    em = EM(n_init=1, max_iter=5)
    moe = mixture("linear", n_experts=2, gate=gate, train=em, random_state=0).fit(X, y)
    assert np.isfinite(moe.score_samples(X, y)).all()


@pytest.mark.parametrize("gate", GATES, ids=named)
def test_far_from_the_data_and_where_all_is_missing_the_logs_are_finite(gate):
    X = example_table()
    gate = clone(gate).fit(X, np.eye(3)[[0, 1] * 60])
    far = X[:2].assign(x0=[1e200, -1e308], x1=np.nan, group=["never", None], word=None)
    assert np.isfinite(gate.log_proba(far)).all()
    assert_allclose(gate.predict_proba(far).sum(axis=1), 1)


@pytest.mark.parametrize("gate", GATES, ids=named)
def test_rows_of_weight_zero_are_as_if_absent(gate):
    X = example_table()
    weight = np.arange(120) % 3 / 2.0
    weighted = clone(gate).fit(X, soft(X), weight)
    without = clone(gate).fit(X[weight > 0], soft(X)[weight > 0], weight[weight > 0])
    assert_allclose(weighted.predict_proba(X), without.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("gate", GATES, ids=named)
def test_one_expert_has_all_the_weight(gate):
    X = example_table(40)
    assert_allclose(clone(gate).fit(X, np.ones((40, 1))).predict_proba(X), 1)


@pytest.mark.parametrize("gate", GATES, ids=named)
def test_constant_and_duplicated_columns_do_no_harm(gate):
    X = example_table()
    dull = X.assign(same=1.0, again=X["x0"], twice=2 * X["x1"], word="w")
    weights = clone(gate).fit(dull, soft(X)).predict_proba(dull)
    assert_allclose(weights.sum(axis=1), 1)
    dull = X.assign(x0=1.0, x1=np.nan, group="a", word="w")
    constant = clone(gate).fit(dull, soft(X)).predict_proba(dull)
    assert_allclose(constant, np.tile(soft(X).mean(axis=0), (120, 1)), atol=0.01)


@pytest.mark.parametrize(
    "gate",
    [
        GaussianGate(),
        GaussianGate(shrinkage=5.0),
        ColumnGate("word", pseudo_count=3.0),
        RulesGate(["x0 < 0", "x0 > 99"]),
    ],
    ids=repr,
)
def test_fit_is_where_the_gradient_of_the_objective_vanishes(gate):
    X, weight = example_table(80), np.random.default_rng(1).random(80)
    features, responsibilities = gate.learn_features(X, weight), soft(X)
    gate.fit_features(features, responsibilities, weight)
    assert_allclose(gate.gradient(features, responsibilities, weight), 0, atol=1e-9)
    top = objective(gate, features, responsibilities, weight)
    gate.vector = gate.vector + np.random.default_rng(2).normal(0, 0.1, len(gate.vector))
    assert objective(gate, features, responsibilities, weight) < top

    def at(vector):
        gate.vector = vector
        return objective(gate, features, responsibilities, weight)

    vector = gate.vector
    numerical = approx_fprime(vector, at, 1e-6)
    gate.vector = vector
    gradient = gate.gradient(features, responsibilities, weight)
    assert_allclose(gradient, numerical, rtol=1e-4, atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "gate", [GaussianGate(), GaussianGate(columns=["x0"]), *GATES[-2:]], ids=repr
)
def test_the_objective_of_em_never_drops(gate):
    X = example_table(200)
    y = np.abs(example_target(X, "regression"))
    em = EM(n_init=1, max_iter=40, tol=0, quasi_newton=False)
    moe = MoERegressor("linear", n_experts=3, gate=gate, train=em, random_state=0).fit(X, y)
    climb = np.diff(moe.history_["objective"])
    assert len(climb) == 39
    assert (climb > -1e-8).all()


def test_em_with_a_gaussian_gate_recovers_what_made_the_rows():
    rng = np.random.default_rng(0)
    means, sides = np.array([[0.0, 100.0], [3.0, 200.0]]), np.array([[1.0, 50.0], [2.0, 30.0]])
    expert = (rng.random(5000) < 0.3).astype(int)
    X = means[expert] + sides[expert] * rng.normal(size=(5000, 2))
    y = np.where(expert == 0, X[:, 0], -X[:, 0]) + 0.1 * rng.normal(size=5000)
    gate = MoERegressor("linear", 2, gate="gaussian", train="em", random_state=0).fit(X, y).gate_
    order = np.argsort(-gate.weights_)
    assert_allclose(gate.weights_[order], [0.7, 0.3], atol=0.02)
    assert_allclose(gate.means_[order], means, rtol=0.02, atol=0.1)
    sides_found = np.sqrt(np.diagonal(gate.covariances_[order], axis1=1, axis2=2))
    assert_allclose(sides_found, sides, rtol=0.05)
    density = [multivariate_normal(means[k], np.diag(sides[k] ** 2)).pdf(X) for k in range(2)]
    joint = np.transpose(density) * [0.7, 0.3]
    weights = joint / joint.sum(axis=1, keepdims=True)
    assert_allclose(gate.predict_proba(X)[:, order], weights, atol=0.1)


def test_without_shrinkage_a_gaussian_gate_is_an_m_step_of_sklearn():
    X, responsibilities = np.random.default_rng(0).lognormal(size=(200, 3)), soft(np.empty(200))
    peer = GaussianMixture(3, reg_covar=0)
    peer._initialize(X, responsibilities)
    gate = GaussianGate(shrinkage=0).fit(X, responsibilities)
    assert_allclose(gate.weights_, peer.weights_)
    assert_allclose(gate.means_, peer.means_)
    assert_allclose(gate.covariances_, peer.covariances_)
    assert_allclose(gate.predict_proba(X), peer.predict_proba(X))
    assert gate.n_parameters_ == peer._n_parameters()


def test_shrinkage_pulls_each_covariance_to_that_of_the_table():
    X, responsibilities = np.random.default_rng(0).normal(size=(60, 2)) * [1, 9], soft(np.empty(60))
    gate = GaussianGate(shrinkage=1e9).fit(X, responsibilities)
    assert_allclose(gate.covariances_, np.tile(np.cov(X.T, bias=True), (3, 1, 1)), rtol=1e-6)


IRRELEVANT = {
    "0/1": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "rare": lambda rng, n: (rng.random(n) < 0.05).astype(float),
    "category": lambda rng, n: rng.choice(list("abc"), n),
    "missing": lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
    "zeros": lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)),
    "counts": lambda rng, n: rng.poisson(3, n).astype(float),
}


@pytest.mark.parametrize("kind", IRRELEVANT)
def test_an_irrelevant_column_of_levels_costs_the_gaussian_gate_nothing(kind):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, 400)
        y = np.abs(x) + rng.normal(0, 0.05, 400)
        X = pd.DataFrame({"x": x, "other": IRRELEVANT[kind](rng, 400)})
        moe = MoERegressor("linear", 2, gate="gaussian", train="em", random_state=0).fit(X, y)
        assert np.sqrt(np.mean((moe.predict(X) - np.abs(x)) ** 2)) < 0.03


def test_the_gaussian_gate_has_a_share_of_each_level_whatever_it_is_called():
    rng = np.random.default_rng(0)
    code, expert = rng.integers(0, 3, 300), soft(np.empty(300), 2)
    numbers = pd.DataFrame({"x": rng.normal(size=300), "code": code})
    words = numbers.assign(code=np.array(["c", "a", "b"])[code])
    both = words.assign(again=code)
    gates = [GaussianGate().fit(X, expert) for X in (numbers, words, both)]
    shares = np.array(
        [(expert * (code == c)[:, None]).sum(0) + np.mean(code == c) for c in (0, 1, 2)]
    )
    assert_allclose(np.exp(gates[0].log_shares_), (shares / shares.sum(axis=0)).T)
    for gate, X in zip(gates, (numbers, words, both), strict=True):
        assert_allclose(gate.predict_proba(X), gates[0].predict_proba(numbers))
        assert gate.n_parameters_ == 1 + 2 * (2 + 2)


def test_levels_that_the_gaussian_gate_never_saw_say_nothing():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=300), "word": rng.choice(["a", "b"], 300)})
    expert = soft(X, 2)
    gate, plain = GaussianGate().fit(X, expert), GaussianGate(columns=["x"]).fit(X, expert)
    assert_allclose(gate.predict_proba(X.assign(word="c")), plain.predict_proba(X))


def test_the_gaussian_gate_splits_what_no_plane_does():
    X = np.random.default_rng(0).uniform(-3, 3, size=(500, 1))
    inside = np.eye(2)[(np.abs(X[:, 0]) < 1).astype(int)]
    gaussian, softmax = (
        np.mean((gate.fit(X, inside).predict_proba(X) > 0.5) == inside)
        for gate in (GaussianGate(), SoftmaxGate())
    )
    assert gaussian > 0.9 > softmax


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (GaussianGate(shrinkage=0), "shrinkage must be positive.*Set shrinkage=1.0"),
        (GaussianGate(shrinkage=-1), "shrinkage must be at least 0, got shrinkage=-1"),
        (ColumnGate("grp"), "Unknown column 'grp'. Did you mean 'group'"),
        (ColumnGate("group", pseudo_count=-1), "pseudo_count must be at least 0"),
        (ColumnGate("x0"), "at most 100 levels, got 120 in 'x0'"),
    ],
    ids=repr,
)
def test_what_cannot_be_fitted_is_said(gate, message):
    X = example_table()
    with pytest.raises(ValueError, match=message):
        gate.fit(X, np.eye(2)[(X["group"] == "a").astype(int)])


def test_a_tree_gate_prints_rules_in_the_units_of_the_table():
    X = example_table(400).assign(income=lambda X: 1000 * X["x0"] + 50_000)
    X = X[["income", "group"]]
    expert = np.where(X["group"] == "b", 2, X["income"] > 50_500)
    gate = TreeGate(max_depth=2, pseudo_count=0).fit(X, np.eye(3)[expert])
    lines = str(gate.rules()).splitlines()
    assert len(lines) == len(gate.rules()) == 3
    assert lines[2].startswith("group = b: expert 0 .00, expert 1 .00, expert 2 1.00; ")
    asked, answer = lines[0].split(": ")
    assert asked.startswith("group is not b and income <= ")
    assert 50_450 < float(asked.split()[-1]) < 50_550
    assert answer.startswith("expert 0 1.00")
    assert sum(int(line.split("; ")[1].split()[0]) for line in lines) in (99, 100, 101)
    assert gate.n_parameters_ == 6


def test_bounds_of_one_column_are_told_together_and_missing_values_by_name():
    X = pd.DataFrame({"age": [*np.arange(90.0), *[np.nan] * 30]})
    expert = np.where(X["age"].isna(), 0, np.where(X["age"].between(30, 59), 1, 2))
    rules = TreeGate(pseudo_count=0).fit(X, np.eye(3)[expert]).rules()
    asked = [rule.split(":")[0] for rule in rules]
    assert asked[1:] == [
        "age is not missing and 29.5 < age <= 59.5",
        "age is not missing and age > 59.5",
        "age is missing",
    ]
    assert str(rules).splitlines() == rules


def test_a_tree_gates_leaf_is_the_smoothed_mean_of_its_rows():
    X, weight = np.repeat([[0.0], [1.0]], 5, axis=0), np.arange(1.0, 11)
    responsibilities = np.eye(2)[[0] * 5 + [1] * 5]
    gate = TreeGate(pseudo_count=3, min_samples_leaf=1).fit(X, responsibilities, weight)
    overall = np.array([15, 40]) / 55
    assert_allclose(gate.predict_proba(X)[0], ([15, 0] + 3 * overall) / 18)
    assert_allclose(gate.predict_proba(X)[-1], ([0, 40] + 3 * overall) / 43)


def test_a_boosted_gate_beats_a_constant_one_where_no_plane_splits():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=600), "group": rng.choice(list("abcd"), 600)})
    X.loc[:50, "x"] = np.nan
    cross = (X["x"].fillna(1) > 0) ^ X["group"].isin(["a", "c"])
    responsibilities = np.where(cross.to_numpy()[:, None], [0.9, 0.1], [0.2, 0.8])
    gate = BoostedGate().fit(X, responsibilities)
    assert_allclose(gate.predict_proba(X), responsibilities, atol=0.1)
    again = clone(gate).fit(X, responsibilities)
    assert_array_equal(again.predict_proba(X), gate.predict_proba(X))
    weight = np.full(600, 1e9)
    assert_allclose(clone(gate).fit(X, responsibilities, weight).log_proba(X), gate.log_proba(X))


def test_a_boosted_gate_of_no_trees_is_constant():
    X = example_table()
    gate = BoostedGate(n_estimators=0).fit(X, soft(X))
    assert_allclose(gate.predict_proba(X), np.tile(soft(X).mean(axis=0), (120, 1)))


def test_a_boosted_gate_without_a_column_to_split_is_constant():
    X = example_table(10)
    gate = BoostedGate().fit(X, soft(X))
    assert_allclose(gate.predict_proba(X), np.tile(soft(X).mean(axis=0), (10, 1)))


def test_a_column_gate_gives_levels_their_own_and_unseen_ones_the_overall_weights():
    X = example_table()
    responsibilities = soft(X, 2)
    gate = ColumnGate("word", pseudo_count=4.0).fit(X, responsibilities)
    red = (X["word"] == "red").to_numpy()
    expected = (responsibilities[red].sum(axis=0) + 2) / (red.sum() + 4)
    new = pd.DataFrame({"word": ["red", "blue", None]})
    weights = gate.predict_proba(X.iloc[:3].assign(word=new["word"]))
    assert_allclose(weights[0], expected)
    assert_allclose(weights[1], gate.predict_proba(X).mean(axis=0))
    none = X["word"].isna().to_numpy()
    assert_allclose(weights[2], (responsibilities[none].sum(axis=0) + 2) / (none.sum() + 4))
    assert gate.n_parameters_ == 3


def test_missing_values_that_fit_did_not_see_get_the_overall_weights():
    X = pd.DataFrame({"site": ["missing", "here", "here", "here"]})
    gate = ColumnGate("site").fit(X, np.eye(2)[[0, 1, 1, 1]])
    weights = gate.predict_proba(pd.DataFrame({"site": [None, "missing", "there"]}))
    assert_allclose(weights[0], weights[2])
    assert_allclose(weights[0], gate.predict_proba(X).mean(axis=0))
    assert_allclose(weights[1, 0], 0.75)


@pytest.mark.parametrize("gate", GATES[-2:], ids=named)
def test_regions_are_weighted_out_of_fold_too(gate):
    X = example_table(200)
    y = example_target(X, "regression")
    moe = MoERegressor(["linear", "extra_trees"], gate=gate, random_state=0).fit(X, y)
    assert len(np.unique(moe.gate_weights(X).round(6), axis=0)) == 3
    assert moe.gate_.n_parameters_ == 3


def test_a_rule_without_rows_gets_the_overall_weights():
    X = example_table()
    gate = RulesGate(["x0 > 1000", "x0 < 0"]).fit(X, soft(X))
    weights = gate.predict_proba(X[:1].assign(x0=2000.0))
    assert_allclose(weights[0], gate.predict_proba(X).mean(axis=0))


@pytest.mark.parametrize("node", GATES, ids=named)
def test_a_gate_serves_as_node_of_a_tree(node):
    X = example_table()
    gate = HierarchicalGate(node=node).fit(X, soft(X))
    assert_allclose(gate.predict_proba(X).sum(axis=1), 1)


def test_quasi_newton_ends_em_with_a_gaussian_gate_higher():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    y = np.where(np.abs(X[:, 0]) < 1, 3 * X[:, 0], 1) + 0.3 * rng.normal(size=300)
    ends = {}
    for quasi_newton in (False, True):
        em = EM(n_init=3, max_iter=200, tol=1e-7, quasi_newton=quasi_newton)
        moe = MoERegressor(LinearExpert(), n_experts=2, gate="gaussian", train=em, random_state=0)
        ends[quasi_newton] = moe.fit(X, y).history_["objective"].max()
    assert ends[True] >= ends[False] - 1e-3
