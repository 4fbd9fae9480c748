"""Calibration study: coverage, CRPS, RMSE and NLL of predictive distributions, out of fold."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from moe_lab import MoERegressor
from moe_lab.bench.calibration import (
    Homoscedastic,
    calibration,
    calibration_table,
    score_distribution,
)
from moe_lab.datasets.base import Dataset
from moe_lab.likelihood.distribution import MixtureDistribution

METRICS = ["coverage_50", "coverage_80", "coverage_95", "crps", "rmse", "nll"]


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=400)
    y = pd.Series(3 * x + 0.5 * rng.normal(size=400))
    return Dataset("line", pd.DataFrame({"x": x}), y, "regression")


@pytest.fixture(scope="module")
def scores(line):
    methods = {"line": Homoscedastic("linear"), "flat": Homoscedastic(DummyRegressor())}
    return calibration(methods, line, folds=4, seeds=[0, 1], progress=False)


def test_one_score_for_each_method_seed_fold_and_metric(scores):
    assert len(scores) == 2 * 2 * 4 * 6
    assert not scores.duplicated(["method", "seed", "fold", "metric"]).any()
    assert scores["metric"].unique().tolist() == METRICS
    assert scores["score"].notna().all()
    assert (scores["n_train"] + scores["n_test"] == 400).all()


def test_a_true_model_covers_at_its_levels(scores):
    table = calibration_table(scores)
    assert table.index.tolist() == ["line", "flat"]
    coverage = table.loc["line", ["coverage_50", "coverage_80", "coverage_95"]]
    assert coverage.tolist() == pytest.approx([0.5, 0.8, 0.95], abs=0.05)
    assert table.loc["line", "rmse"] == pytest.approx(0.5, rel=0.1)
    assert table.loc["line", "crps"] == pytest.approx(0.5 / np.sqrt(np.pi), rel=0.1)
    assert table.loc["line", "nll"] == pytest.approx(norm.entropy(scale=0.5), rel=0.1)
    assert (table.loc["flat", ["crps", "rmse", "nll"]] > table.loc["line"].tail(3)).all()


def test_table_averages_over_rows_not_folds():
    folds = pd.DataFrame({"method": "a", "metric": "rmse", "n_test": [1, 3], "score": [2.0, 0.0]})
    assert calibration_table(folds).loc["a", "rmse"] == pytest.approx(1.0)


def test_scores_by_hand():
    normal = MixtureDistribution(np.ones((4, 1)), np.zeros((4, 1)), 1.0)
    scores = score_distribution(normal, np.array([-3.0, -0.1, 0.1, 1.0]), levels=[0.5, 0.9])
    assert scores["coverage_50"] == pytest.approx(0.5)
    assert scores["coverage_90"] == pytest.approx(0.75)
    assert scores["rmse"] == pytest.approx(np.sqrt((9 + 0.02 + 1) / 4))


def test_the_noise_scale_is_held_out():
    """An expert that knows its training rows by heart is not taken at its word."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 8)), rng.normal(size=200)
    fitted = Homoscedastic("extra_trees", random_state=0).fit(X, y)
    assert np.std(fitted.predict(X) - y) < 0.5 < 0.9 < fitted.scale_
    assert fitted.predict_distribution(X).std == pytest.approx(np.full(200, fitted.scale_))


def test_mixtures_take_part_as_they_are(line):
    settings = {"n_init": 1, "max_iter": 3, "tol": 1.0}
    moe = MoERegressor("linear", n_experts=2, train=("em", settings))
    small = Dataset("small", line.X[:60], line.y[:60], "regression")
    scores = calibration({"em": moe}, small, folds=2, seeds=[0], levels=[0.5], progress=False)
    assert scores["metric"].unique().tolist() == ["coverage_50", "crps", "rmse", "nll"]


def test_a_method_without_a_distribution_is_an_error(line):
    with pytest.raises(TypeError, match=r"got 'plain' .* Wrap it in .*Homoscedastic"):
        calibration({"plain": LinearRegression()}, line, folds=2, seeds=[0], progress=False)


def test_a_classification_set_is_an_error():
    y = pd.Series(["a", "b"] * 10)
    colours = Dataset("colours", pd.DataFrame({"x": np.arange(20.0)}), y, "classification")
    with pytest.raises(ValueError, match="must be a regression set, got Dataset"):
        calibration(["moe"], colours)


def test_a_mixture_of_lines_is_calibrated_and_sharp_on_mcycle():
    """Noise that grows after the impact: within two standard errors of 133 rows, and sharper than
    boosted trees with one noise scale."""
    lines = ("linear", {"alpha": 0.1})
    moe = MoERegressor(lines, n_experts=4, gate=("softmax", {"C": 100.0}), train="em")
    methods = {"em": moe, "lightgbm": Homoscedastic("lightgbm")}
    table = calibration_table(calibration(methods, "mcycle", seeds=[0], progress=False))
    off = table.loc["em", ["coverage_50", "coverage_80", "coverage_95"]] - [0.5, 0.8, 0.95]
    assert (off.abs() < [0.087, 0.069, 0.038]).all()
    assert table.loc["em", "crps"] < table.loc["lightgbm", "crps"]
