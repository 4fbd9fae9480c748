"""Explaining a mixture: usage, errors by region, what the gate reads, its tree, its rules."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from moe_lab import (
    MoEClassifier,
    MoERegressor,
    error_by_region,
    gate_entropy,
    plot_tree,
    retell,
    routing_importance,
    usage,
)
from moe_lab.gate.base import Gate
from moe_lab.testing import example_table, example_target
from moe_lab.train import EM

EXPLANATIONS = [
    lambda mixture, X, y: usage(mixture, X),
    lambda mixture, X, y: gate_entropy(mixture, X),
    error_by_region,
    lambda mixture, X, y: routing_importance(mixture, X, y, n_repeats=2, random_state=0),
    lambda mixture, X, y: plot_tree(mixture, X),
    lambda mixture, X, y: retell(mixture, X),
]
NAMES = ["usage", "gate_entropy", "error_by_region", "routing_importance", "plot_tree", "retell"]


class Split(Gate):
    """Trusts expert 0 with 0.9 where x0 < 0, expert 1 with 0.8 elsewhere."""

    def fit(self, X, responsibilities, sample_weight=None):
        return self

    def predict_proba(self, X):
        first = np.where(np.asarray(X)[:, 0].astype(float) < 0, 0.9, 0.2)
        return np.column_stack([first, 1 - first])


class Tree(Split):
    """A gate with a tree of three experts."""

    tree_ = [[0, 1], 2]

    def predict_proba(self, X):
        reach = self.node_weights(X)
        return np.column_stack([reach[path] for path in ((0, 0), (0, 1), (1,))])

    def node_weights(self, X):
        shares = {(): 1.0, (0,): 0.8, (0, 0): 0.6, (0, 1): 0.2, (1,): 0.2}
        return {path: np.full(len(X), share) for path, share in shares.items()}


@pytest.fixture
def split():
    """A mixture that is right on either side of 0: quarter of the rows left, the others right."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(0, 1, size=(200, 2)), columns=["x0", "x1"])
    X.loc[:49, "x0"] *= -1
    y = np.where(X["x0"] < 0, -10.0, 10.0) + rng.normal(0, 0.1, 200)
    moe = MoERegressor("linear", n_experts=2, train=EM(n_init=2), random_state=0).fit(X, y)
    if moe.expert_predictions(X.head(1))[0, 0, 0] > 0:
        moe.experts_, moe.scales_ = moe.experts_[::-1], moe.scales_[::-1]
    moe.gate_ = Split()
    return moe, X, y


@pytest.fixture(scope="module", params=["regression", "classification"])
def real(request):
    """Both tasks, on a table with categories and missing values."""
    X = example_table(200)
    y = example_target(X, request.param)
    if request.param == "classification":
        y = np.array(["low", "mid", "high"])[y]
    mixture = MoERegressor if request.param == "regression" else MoEClassifier
    return mixture("linear", n_experts=2, train=EM(n_init=1), random_state=0).fit(X, y), X, y


def test_usage_is_what_the_weights_say(split):
    moe, X, _ = split
    table = usage(moe, X)
    assert_allclose(table["mean_weight"], [0.25 * 0.9 + 0.75 * 0.2, 0.25 * 0.1 + 0.75 * 0.8])
    assert_allclose(table["most_trusted"], [0.25, 0.75])
    assert_allclose(table.loc["expert 0", "effective_size"], 75**2 / (50 * 0.81 + 150 * 0.04))


def test_experts_of_different_kinds_go_by_their_names():
    X = example_table(100)
    y = example_target(X, "regression")
    moe = MoERegressor(["linear", "extra_trees", "linear"], random_state=0).fit(X, y)
    names = ["linear 0", "extra_trees", "linear 1"]
    assert usage(moe, X).index.tolist() == names
    table = error_by_region(moe, X, y)
    assert table.columns[2:].tolist() == names
    assert table.index[0] == "trusts linear 0 most"


def test_usage_counts_weights(split):
    moe, X, _ = split
    weight = np.r_[np.full(50, 3.0), np.ones(150)]
    assert_allclose(usage(moe, X, sample_weight=weight)["most_trusted"], [0.5, 0.5])


def test_entropy_is_zero_for_the_sure_and_largest_for_the_undecided(split):
    moe, X, _ = split
    assert_allclose(
        gate_entropy(moe, X)[[0, -1]],
        [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.9, 0.2)],
    )
    alone = MoERegressor("linear", n_experts=1, train="em").fit(X, X["x0"])
    assert_allclose(gate_entropy(alone, X), 0, atol=1e-12)


def test_each_expert_is_held_against_the_others_where_it_is_trusted(split):
    moe, X, y = split
    table = error_by_region(moe, X, y)
    assert table.columns.name == "rmse"
    assert table["n_samples"].tolist() == [50, 150, 200]
    left, right = table.iloc[0], table.iloc[1]
    assert left["expert 0"] < 0.2 < 19 < left["expert 1"]
    assert right["expert 1"] < 0.2 < 19 < right["expert 0"]
    assert_allclose(left["pooled"], 2, atol=0.2)  # a tenth of the way to the other expert
    assert_allclose(table.loc["all rows", "pooled"], np.sqrt(np.mean((moe.predict(X) - y) ** 2)))


def test_a_region_without_rows_has_no_error(split):
    moe, X, y = split
    table = error_by_region(moe, X[50:], y[50:])
    assert table.loc["trusts expert 0 most"].isna().tolist() == [False, True, True, True]


def test_the_gate_listens_to_the_column_that_it_splits(split):
    moe, X, y = split
    table = routing_importance(moe, X, y, n_repeats=20, random_state=0)
    assert list(table.index) == ["x0", "x1"]
    crossing = 2 * 0.25 * 0.75 * 0.7  # rows that change sides, times the trust that moves
    assert_allclose(table.loc["x0", "moved"], crossing, atol=4 * table.loc["x0", "moved_se"])
    assert_allclose(table.loc["x1"], 0, atol=1e-12)
    assert table.loc["x0", "rmse_rise"] > 1


def test_importance_without_a_target_is_of_the_routing_alone(split):
    moe, X, _ = split
    table = routing_importance(moe, X, n_repeats=2, random_state=0)
    assert list(table.columns) == ["moved", "moved_se"]


def test_the_picture_of_a_flat_gate_has_one_level(split):
    moe, X, _ = split
    rows = X.head(120)  # shares of 59/120 and 61/120: neither is rounded at a half
    texts = [text.get_text() for text in plot_tree(moe, rows).axes[0].texts]
    assert texts == ["expert 0\n49%", "expert 1\n51%"]


def test_the_picture_of_a_tree_shows_where_the_trust_flows(split):
    moe, X, _ = split
    moe.gate_ = Tree()
    figure = plot_tree(moe, X)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(texts) == ["80%", "expert 0\n60%", "expert 1\n20%", "expert 2\n20%"]
    widths = sorted(line.get_linewidth() for line in figure.axes[0].lines)
    assert_allclose(np.divide(widths, widths[-1]), [0.25, 0.25, 0.75, 1])
    assert plot_tree(moe, X, ax=figure.axes[0]) is figure


def test_the_tree_of_a_hierarchical_mixture_is_drawn():
    X = example_table(150)
    gate = ("hierarchical", {"branches": 2})
    moe = MoERegressor("linear", n_experts=4, gate=gate, train=EM(n_init=1), random_state=0)
    moe.fit(X, example_target(X, "regression") + np.random.default_rng(0).normal(size=150))
    texts = [text.get_text() for text in plot_tree(moe, X).axes[0].texts]
    assert sum(text.startswith("expert") for text in texts) == moe.n_experts_


def test_a_gate_with_one_threshold_is_retold_by_one_question(split):
    moe, X, _ = split
    retelling = retell(moe, X, max_depth=1)
    assert retelling.fidelity == pytest.approx(1)
    assert retelling.total_variation < 0.02
    assert len(retelling.rules) == 2
    assert all("x0" in rule for rule in retelling.rules)
    assert "same expert for 100.0 % of the rows" in str(retelling)


@pytest.mark.parametrize("explain", EXPLANATIONS, ids=NAMES)
def test_both_tasks_and_tables_as_they_come(real, explain):
    said = explain(*real)
    if isinstance(said, pd.DataFrame):
        assert np.isfinite(said.iloc[-1]).all()


def test_the_error_of_classes_is_the_log_loss():
    X = example_table(200)
    y = np.array(["low", "mid", "high"])[example_target(X, "classification")]
    moe = MoEClassifier("linear", n_experts=2, train=EM(n_init=1), random_state=0).fit(X, y)
    table = error_by_region(moe, X, y)
    codes = np.searchsorted(moe.classes_, y)
    log_loss = -np.log(moe.predict_proba(X)[np.arange(200), codes]).mean()
    assert table.columns.name == "log_loss"
    assert_allclose(table.loc["all rows", "pooled"], log_loss)


@pytest.mark.parametrize("explain", EXPLANATIONS, ids=NAMES)
def test_an_unfitted_mixture_is_refused(explain):
    with pytest.raises(NotFittedError):
        explain(MoERegressor(), example_table(), np.zeros(120))


def test_arrays_are_taken_and_left_as_they_were(split):
    moe, X, y = split
    rows = X.to_numpy()
    moe = MoERegressor("linear", n_experts=2, train=EM(n_init=1), random_state=0).fit(rows, y)
    before = rows.copy()
    assert set(routing_importance(moe, rows, n_repeats=2, random_state=0).index) == {"x0", "x1"}
    assert_allclose(rows, before)


def test_the_number_of_permutations_is_checked(split):
    with pytest.raises(ValueError, match="n_repeats must be at least 2, got n_repeats=1"):
        routing_importance(*split, n_repeats=1)
