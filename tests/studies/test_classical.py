"""Studies of the classical mixtures: the oracles' place, tidy tables, figures of what they say."""

import numpy as np
import pandas as pd
import pytest

from moe_lab import MoEClassifier, MoERegressor, plots, select_n_experts
from moe_lab.bench.calibration import calibration_table
from moe_lab.datasets.generated import robot_arm, two_spirals
from moe_lab.inspection import retell, routing_importance
from moe_lab.studies import classical

SHORT = {"n_init": 1, "max_iter": 3, "tol": 1.0}


@pytest.fixture(scope="module")
def trees():
    return classical.lightgbm_moe(n_seeds=1, n_samples=600, folds=2, n_jobs=1)


@pytest.fixture(scope="module")
def rows():
    x = np.linspace(-1, 1, 60)
    y = np.abs(x) + 0.02 * np.random.default_rng(0).normal(size=60)
    return pd.DataFrame({"x": x}), pd.Series(y, name="y")


def test_a_mixture_of_trees_comes_near_the_true_regimes_and_beats_one_model(trees):
    table = classical.summary(trees, "rmse", "seed")["mean"]
    assert table["mixture"] < 1.3 * table["true regimes"]  # 300 rows are few for a free gate
    assert table["mixture"] < 0.8 * table[["one lightgbm", "one xgboost", "matched ensemble"]].min()
    assert table["true regimes and gate"] == table.min()


def test_one_row_for_each_method_seed_and_fold(trees):
    assert trees.columns.tolist() == ["method", "seed", "fold", "rmse", "fit_seconds"]
    assert len(trees) == 6 * 1 * 2
    assert not trees.duplicated(["method", "seed", "fold"]).any()


def test_lines_behind_a_gate_beat_one_line_and_a_tree_on_the_arm():
    scores, fitted = classical.robot_arm(n_experts=4, n_samples=1600, n_init=1, max_iter=30)
    error = scores.set_index(["method", "joint"])["relative_error"]
    assert list(fitted) == list(error.index)
    for gate in ("mixture, flat gate", "mixture, tree of gates"):
        assert (error[gate] < error["CART"]).all()
        assert (error["CART"] < error["one line"]).all()


def test_the_error_of_the_arm_is_that_of_the_last_quarter():
    scores, fitted = classical.robot_arm(n_experts=2, n_samples=400, n_init=1, max_iter=3)
    arm = robot_arm(n_samples=400, output=1)
    X, y = arm.X[300:], arm.y[300:]
    error = np.mean((y - fitted["CART", 2].predict(X)) ** 2) / np.var(y)
    row = scores[(scores["method"] == "CART") & (scores["joint"] == 2)].iloc[0]
    assert row["relative_error"] == pytest.approx(error)


def test_what_a_fit_warned_of_stands_in_the_table():
    scores, _ = classical.robot_arm(n_experts=2, n_samples=400, n_init=1, max_iter=2)
    warned = scores.set_index(["method", "joint"])["warnings"]
    assert "EM stopped after max_iter=2 rounds" in warned["mixture, flat gate", 1]
    assert warned["CART", 1] == ""


def test_logistic_regressions_behind_a_gate_unwind_the_spirals():
    scores, fitted = classical.two_spirals(n_seeds=1, n_samples=400, n_experts=12, n_init=3)
    accuracy = scores.set_index("method")["accuracy"]
    assert accuracy["one logistic"] < 0.75
    assert accuracy["logistic, flat gate"] > 0.9
    fresh = two_spirals(n_samples=400, random_state=10_000)
    again = fitted["logistic, flat gate", 0].score(fresh.X, fresh.y)
    assert accuracy["logistic, flat gate"] == pytest.approx(again)


def test_repeats_of_the_crash_data_do_not_depend_on_the_number_of_jobs():
    lines = MoERegressor("linear", n_experts=2, train=("em", SHORT), random_state=0)
    one, two = (classical.mcycle(lines, n_repeats=2, folds=2, n_jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert calibration_table(one).index.tolist()[0] == "mixture"
    assert one["seed"].unique().tolist() == [0, 1]


def test_a_summary_averages_folds_within_a_seed_and_keeps_the_order_of_methods():
    scores = pd.DataFrame({"method": list("bbbaaa"), "seed": [0, 0, 1] * 2, "fit_seconds": 1.0})
    table = classical.summary(scores.assign(rmse=[1.0, 3.0, 4.0, 0.0, 0.0, 1.0]), "rmse", "seed")
    assert table.index.tolist() == ["b", "a"]
    assert table["seed 0"].tolist() == pytest.approx([2.0, 0.0])
    assert table["mean"].tolist() == pytest.approx([3.0, 0.5])


def test_repeats_are_drawn_with_their_mean_and_the_reference(trees):
    figure = classical.plot_repeats(trees, "rmse", "seed", reference={"published": 3.792})
    (axis,) = figure.axes
    repeats, means = axis.collections[:-1], axis.collections[-1]
    table = classical.summary(trees, "rmse", "seed")
    drawn = np.asarray(means.get_offsets().data)[:, 0]
    assert drawn == pytest.approx(table["mean"].to_numpy())
    assert len(repeats) == 1
    assert axis.lines[0].get_xdata() == [3.792, 3.792]
    assert [label.get_text() for label in axis.get_yticklabels()] == table.index.tolist()


def test_starts_and_their_way_are_those_of_the_best_size(rows):
    moe = MoERegressor("linear", n_experts=2, train=("em", {"n_init": 4}), random_state=0)
    selection = select_n_experts(moe, *rows, [1, 2], cv=2)
    figure = classical.plot_sizes(selection)
    starts, climb = figure.axes[1:]
    reached = selection.best_mixture.starts_["log_likelihood"]
    assert starts.lines[0].get_ydata() == pytest.approx(np.sort(reached))
    assert sum(len(drawn.get_offsets()) for drawn in climb.collections) == len(
        selection.best_mixture.history_
    )


def test_bands_are_nested_around_the_mean(rows):
    moe = MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(*rows)
    above, below = plots.plot_bands(moe, *rows).axes
    heights = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in above.collections[:3]]
    assert heights == sorted(heights, reverse=True)
    x = pd.DataFrame({"x": above.lines[0].get_xdata()})
    assert above.lines[0].get_ydata() == pytest.approx(moe.predict(x))
    assert sum(line.get_ydata() for line in below.lines) == pytest.approx(1.0)


def test_regions_show_the_probability_and_the_most_trusted_expert():
    drawn = two_spirals(n_samples=60)
    moe = MoEClassifier("linear", n_experts=3, train=("em", SHORT), random_state=0)
    moe.fit(drawn.X, drawn.y)
    pooled, trusted = plots.plot_regions(moe, drawn.X, drawn.y).axes[:2]
    shown = pooled.collections[0].get_array()
    assert 0 <= shown.min() <= shown.max() <= 1 + 1e-12
    assert set(np.unique(trusted.collections[0].get_array())) <= {0, 1, 2}


def test_what_cannot_be_drawn_is_refused(rows):
    X, y = rows
    moe = MoEClassifier("linear", n_experts=2, train=("em", SHORT)).fit(X, y > 0.5)
    with pytest.raises(ValueError, match=r"two columns and y two classes .* got 1 columns"):
        plots.plot_regions(moe, X, y > 0.5)
    with pytest.raises(ValueError, match="must have one column to be drawn over it, got 2"):
        plots.plot_bands(moe, X.assign(z=1), y)


def test_the_sentences_of_the_studies_tell_their_numbers(rows):
    moe = MoERegressor("linear", n_experts=2, train=("em", {"n_init": 2}), random_state=0)
    selection = select_n_experts(moe, *rows, [1, 2], cv=2)
    mixture = selection.mixtures[2]
    scored = pd.DataFrame({"method": ["line", "mixture", "line", "mixture"]})
    crash = pd.DataFrame({"method": "mixture", "n_test": 10}, index=range(6))
    crash["metric"] = ["coverage_50", "coverage_80", "coverage_95", "crps", "rmse", "nll"]
    retold = retell(mixture, rows[0], max_depth=1)
    sizes, trees, arm, spirals, held, *crps, gate = classical.in_words(
        selection,
        trees=scored.assign(rmse=[5.0, 1.0, 6.0, 2.0]),
        arm=scored.assign(relative_error=[0.4, 0.02, 0.4, 0.03]),
        spirals=scored.assign(accuracy=[0.5, 0.9, 0.7, 1.0]),
        crash=crash.assign(score=[0.51, 0.83, 0.95, 12.8, 24.0, 4.34]),
        importance=routing_importance(mixture, rows[0], random_state=0),
        retold=retold,
    )
    assert "BIC picks 2" in sizes
    stuck = int(np.ptp(mixture.starts_["log_likelihood"]) > 5)
    assert f"Of 2 starts of 2 experts {stuck} ended" in sizes
    assert trees == "Boosted trees, RMSE: mixture 1.5, line 5.5."
    assert arm == "Robot arm, relative error: mixture 0.025, line 0.4."
    assert spirals == "Two spirals, accuracy: mixture 0.95, line 0.6."
    assert held == ("Crash data: mixture: the 50%, 80%, 95% intervals hold 51.0%, 83.0%, 95.0%.")
    assert crps[0] == "Crash data: CRPS: mixture 12.8."
    assert gate.startswith("The gate of the boosted trees listens to x most; retold in 2 rules")
    assert f"{retold.fidelity:.0%} of the rows" in gate
