"""Bootstrap intervals: they cover, labels never switch, units are those of the columns."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from moe_lab import MoEClassifier, MoERegressor, bootstrap_intervals
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.inspection.coefficients import coefficients
from moe_lab.testing import example_table, example_target
from moe_lab.train import EM

NUMBERS = ["estimate", "lower", "upper", "standard_error"]


def unregularised(mixture=MoERegressor, n_experts=2):
    return mixture(
        LinearExpert(alpha=0.0),
        n_experts=n_experts,
        gate=SoftmaxGate(C=np.inf),
        train=EM(n_init=3),
        random_state=0,
    )


def simulated(n_samples=600, random_state=0):
    """Two lines behind a logistic gate, far from the origin of the columns."""
    rng = np.random.default_rng(random_state)
    X = pd.DataFrame({"age": rng.normal(50, 10, n_samples), "dose": rng.uniform(0, 2, n_samples)})
    first = rng.random(n_samples) < 1 / (1 + np.exp(-0.2 * (X["age"] - 50)))
    mean = np.where(first, 1 + 0.1 * X["age"] + 2 * X["dose"], 9 - 0.1 * X["age"])
    return X, mean + rng.normal(0, 0.5, n_samples)


TRUE = {  # expert 0 is the one whose slope of age is positive
    ("expert 0", "y"): [0.1, 2, 1, 0.5],
    ("expert 1", "y"): [-0.1, 0, 9, 0.5],
    ("gate", "expert 0"): [0.1, 0, -5],  # half of the log-odds: the two sum to 0
    ("gate", "expert 1"): [-0.1, 0, 5],
}


@pytest.fixture(scope="module")
def fitted():
    X, y = simulated()
    return unregularised().fit(X, y), X, y


@pytest.fixture(scope="module")
def intervals(fitted):
    return bootstrap_intervals(*fitted, n_boot=60, level=0.9, random_state=0)


def by_slope(table):
    """The true coefficients in the order of the table's experts."""
    ages = table[(table["name"] == "age") & (table["part"] != "gate")]["estimate"].to_numpy()
    names = ["expert 0", "expert 1"] if ages[0] > 0 else ["expert 1", "expert 0"]
    keys = [(name, "y") for name in names] + [("gate", name) for name in names]
    return np.concatenate([TRUE[key] for key in keys])


def test_intervals_cover_the_truth_in_the_columns_own_units(intervals):
    truth = by_slope(intervals)
    assert ((intervals["lower"] < truth) & (truth < intervals["upper"])).mean() >= 0.75
    assert (np.abs(intervals["estimate"] - truth) < 4 * intervals["standard_error"]).all()


def test_coverage_over_samples_is_near_the_level():
    covered = []
    for seed in range(1, 6):
        X, y = simulated(250, seed)
        table = bootstrap_intervals(
            unregularised().fit(X, y), X, y, n_boot=40, level=0.9, random_state=0
        )
        truth = by_slope(table)
        covered.append((table["lower"] < truth) & (truth < table["upper"]))
    assert 0.78 < np.mean(covered) <= 0.98


def test_one_linear_expert_has_the_standard_errors_of_the_textbook():
    rng = np.random.default_rng(0)
    X = rng.normal(5, 3, size=(400, 2))
    y = X @ [1.0, -2.0] + rng.normal(size=400)
    moe = unregularised(n_experts=1).fit(X, y)
    table = bootstrap_intervals(moe, X, y, n_boot=200, random_state=0).iloc[:4]
    design = np.column_stack([X, np.ones(400)])
    textbook = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    assert_allclose(table["standard_error"], [*textbook, np.sqrt(1 / 800)], rtol=0.25)
    bare = LinearRegression().fit(X, y)
    assert_allclose(table["estimate"][:3], [*bare.coef_, bare.intercept_])


def test_another_order_of_the_experts_only_relabels(fitted, intervals):
    moe, X, y = fitted
    turned = deepcopy(moe)
    turned.experts_, turned.scales_ = turned.experts_[::-1], turned.scales_[::-1]
    turned.gate_.coef_ = turned.gate_.coef_[:, ::-1]
    table = bootstrap_intervals(turned, X, y, n_boot=60, level=0.9, random_state=0)
    swapped = table.replace({"expert 0": "expert 1", "expert 1": "expert 0"})
    keys = ["part", "output", "name"]
    swapped = swapped.set_index(keys).loc[pd.MultiIndex.from_frame(intervals[keys])]
    assert_allclose(swapped, intervals[NUMBERS], rtol=1e-3)


def test_labels_never_switch(intervals):
    slopes = intervals[(intervals["name"] == "age") & (intervals["part"] != "gate")]
    assert (np.sign(slopes["lower"]) == np.sign(slopes["upper"])).all()
    assert slopes["standard_error"].max() < 0.02  # a switch would add 0.2 to a replicate


def test_coefficients_reproduce_predictions_and_gate_weights(fitted):
    moe, X, _ = fitted
    table = coefficients(moe).set_index(["part", "output"])
    design = X.assign(intercept=1.0)
    for k in range(2):
        line = table.loc[(f"expert {k}", "y")].set_index("name")["estimate"].drop("scale")
        assert_allclose(design @ line, moe.expert_predictions(X)[:, k, 0])
    logits = [design @ table.loc[("gate", f"expert {k}")]["estimate"].to_numpy() for k in (0, 1)]
    assert_allclose(1 / (1 + np.exp(logits[1] - logits[0])), moe.gate_weights(X)[:, 0])


def test_classes_categories_and_missing_values_have_rows_of_their_own():
    X = example_table(200)
    y = np.array(["low", "mid", "high"])[example_target(X, "classification")]
    moe = MoEClassifier("linear", n_experts=2, train=EM(n_init=1), random_state=0).fit(X, y)
    table = bootstrap_intervals(moe, X, y, n_boot=10, random_state=0, sample_weight=np.ones(200))
    expert = table[table["part"] == "expert 1"]
    assert expert["output"].unique().tolist() == ["high", "low", "mid"]
    assert {"x0", "x1 missing", "group=b", "word=red", "intercept"} <= set(expert["name"])
    assert np.isfinite(table[NUMBERS]).all(axis=None)
    assert (table["lower"] <= table["upper"]).all()


def test_a_level_that_few_replicates_draw_is_left_out_of_the_others():
    X = pd.DataFrame({"x": np.arange(60.0), "intercept": ["rare"] + ["often"] * 59})
    y = X["x"] + np.random.default_rng(0).normal(size=60)
    moe = MoERegressor("linear", n_experts=1, train="em").fit(X, y)
    table = bootstrap_intervals(moe, X, y, n_boot=10, random_state=0)
    assert np.isfinite(table[NUMBERS]).all(axis=None)
    assert table["name"].tolist()[:3] == ["x", "intercept=often", "intercept=rare"]


def test_rows_of_no_weight_are_as_if_absent(fitted):
    moe, X, y = fitted
    weight = np.r_[np.ones(500), np.zeros(100)]
    weighted = bootstrap_intervals(moe, X, y, n_boot=3, sample_weight=weight, random_state=0)
    without = bootstrap_intervals(moe, X[:500], y[:500], n_boot=3, random_state=0)
    assert_allclose(weighted[NUMBERS], without[NUMBERS])


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        (MoERegressor(LinearRegression(), n_experts=2, train=EM(max_iter=2)), "must be linear"),
        (MoERegressor("linear", n_experts=2), "must be trained by EM, got train='out_of_fold'"),
        (
            MoERegressor(
                "linear", n_experts=2, gate=("rules", {"rules": ["age < 50"]}), train="em"
            ),
            "gate must be a softmax of the columns, got RulesGate",
        ),
    ],
)
def test_parts_without_coefficients_are_refused(mixture, message):
    X, y = simulated(60)
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(mixture.fit(X, y), X, y, n_boot=2)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"n_boot": 1}, "n_boot must be at least 2"), ({"level": 95}, "level must lie between 0")],
)
def test_parameters_are_checked(fitted, params, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(*fitted, **params)


def test_an_unfitted_mixture_is_refused():
    with pytest.raises(NotFittedError):
        bootstrap_intervals(MoERegressor(), [[0.0]], [0.0])
