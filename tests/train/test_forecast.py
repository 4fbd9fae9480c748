"""What a fit will cost and what it did cost: said beforehand, and expert by expert."""

import time
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.registry import experts
from moe_lab.train.out_of_fold import cost, forecast

TREES = ("extra_trees", {"n_estimators": 5})
POOL = ["linear", TREES, ("lightgbm", {"n_estimators": 5})]


class Slow(RegressorMixin, BaseEstimator):
    """Takes its time for every row; says 0."""

    fitted: list = []

    def fit(self, X, y):
        self.fitted.append(len(X))
        time.sleep(1e-4 * len(X))
        return self

    def predict(self, X):
        return np.zeros(len(X))


def line(n_samples=240):
    X = np.random.default_rng(0).normal(size=(n_samples, 3))
    return X, X[:, 0]


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("time_limit", [None, 1000])
def test_the_report_has_a_line_for_each_expert(time_limit, n_jobs):
    X, y = line()
    moe = MoERegressor(POOL, time_limit=time_limit, n_jobs=n_jobs, random_state=0).fit(X, y)
    report = moe.fit_report_
    plain = ["linear", "extra_trees", "lightgbm"]
    for step, fits in (("cross_fit", 3), ("refit", 1)):
        of_step = report[report["step"] == step].set_index("name")
        assert of_step.index.tolist() == plain
        assert of_step["fits"].tolist() == [fits] * 3
        assert (of_step["seconds"] > 0).all()
    assert not report.duplicated(["step", "name"]).any()
    assert {"AnchoredGate", "LearnedPooler"} <= set(report["name"])


def test_the_seconds_of_an_expert_are_its_own():
    X, y = line()
    report = MoERegressor({"slow": Slow(), "lines": "linear"}).fit(X, y).fit_report_
    seconds = report.set_index(["step", "name"])["seconds"]
    assert seconds["cross_fit", "slow"] > 0.9 * 2 * 240 * 1e-4  # sleep does not end early
    assert seconds["refit", "slow"] > 0.9 * 240 * 1e-4


@pytest.mark.parametrize("n_experts", [1, 2])
def test_a_fit_that_will_be_long_is_told_before_it_begins(monkeypatch, n_experts):
    X, y = line(1200)
    monkeypatch.setattr(forecast, "MANY", 100)
    monkeypatch.setattr(forecast, "LONG", 0.01)
    monkeypatch.setattr(cost, "LONG_TRIALS", 0.001)  # the first trial alone takes longer
    Slow.fitted.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"will take (at least )?about .*time_limit"):
            MoERegressor(Slow(), n_experts=n_experts).fit(X, y)
    assert Slow.fitted == [10, 300, 10, cost.TINY][: 2 * n_experts]  # of 1200 rows


def test_the_longest_experts_are_named(monkeypatch):
    X, y = line()
    monkeypatch.setattr(forecast, "MANY", 100)
    monkeypatch.setattr(forecast, "LONG", 0.01)
    with pytest.warns(UserWarning, match=r"\(slow .*judged by fits of few of 240 rows"):
        MoERegressor({"slow": Slow(), "lines": "linear"}).fit(X, y)


def test_many_classes_count_as_many_rows(monkeypatch):
    X, y = line()
    monkeypatch.setattr(forecast, "MANY", 240 * 6)
    monkeypatch.setattr(forecast, "LONG", 0.0)
    for n_classes, tried in ((3, False), (8, True)):
        codes = np.argsort(np.argsort(y)) % n_classes
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            report = MoEClassifier(["linear", TREES]).fit(X, codes).fit_report_
        assert any("This fit will take" in str(one.message) for one in caught) == tried
        assert ("probe" in set(report["step"])) == tried


def test_a_quick_fit_is_neither_tried_nor_told_of():
    X, y = line()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="This fit will take")
        report = MoERegressor(POOL, random_state=0).fit(X, y).fit_report_
    assert "probe" not in set(report["step"])


def test_an_expert_that_fails_its_trial_is_told_of_by_its_fit(monkeypatch):
    class Fails(Slow):
        def fit(self, X, y):
            raise RuntimeError("no fit")

    X, y = line()
    monkeypatch.setattr(forecast, "MANY", 100)
    with pytest.raises(RuntimeError, match="no fit"):
        MoERegressor([Fails(), "linear"]).fit(X, y)


def test_every_expert_has_a_part_in_what_is_told_beforehand(monkeypatch):
    X, y = line(1200)
    monkeypatch.setattr(forecast, "MANY", 100)
    monkeypatch.setattr(forecast, "LONG", 0.01)
    monkeypatch.setattr(cost, "LONG_TRIALS", 0.001)  # the first trial alone takes longer
    Slow.fitted.clear()
    with pytest.warns(UserWarning, match=r"will take about .* s, .* s, .* s\), judged"):
        report = MoERegressor({name: Slow() for name in ("first", "second", "third")}).fit(X, y)
    assert Slow.fitted[:6] == [10, 300, 10, cost.TINY, 10, cost.TINY]
    probes = report.fit_report_.query("step == 'probe'")
    assert probes["name"].tolist() == ["first", "second", "third"]


def test_what_a_fit_will_cost_is_told_and_the_mixture_stays_as_it_was():
    X, y = line(2400)
    moe = MoERegressor({"slow": Slow(), "lines": "linear"}, random_state=0)
    seconds = moe.estimate(X, y)
    assert not hasattr(moe, "n_features_in_")
    assert seconds.index.tolist() == ["slow", "lines"]  # stackers are not among them
    assert 0.9 < seconds["slow"] / (3 * 2400 * 1e-4) < 3  # sleep does not end early
    assert seconds["lines"] < seconds["slow"]
    assert MoERegressor(["linear"], n_experts=1).estimate(X, y).shape == (1,)


def test_an_expert_whose_trial_fails_costs_nobody_knows_what():
    class Fails(Slow):
        def fit(self, X, y):
            raise RuntimeError("no fit")

    X, y = line()
    seconds = MoERegressor([Fails(), "linear"]).estimate(X, y)
    assert np.isnan(seconds.iloc[0])
    assert seconds.iloc[1] > 0


@pytest.mark.parametrize("train", ["gradient", "boosting"])
def test_who_cannot_tell_what_a_fit_will_cost_says_so(train):
    X, y = line(60)
    with pytest.raises(ValueError, match="train must be 'out_of_fold' to tell beforehand"):
        MoERegressor(train=train).estimate(X, y)


def test_a_quick_trial_is_followed_by_one_of_more_rows():
    X, y = line(8 * 2000)
    Quick.fitted.clear()
    MoERegressor(Quick(), n_experts=1).estimate(X, y)
    assert Quick.fitted == [10, 500, 2000]
    Quick.fitted.clear()
    MoERegressor(Quick(), n_experts=1).estimate(X[:2000], y[:2000])
    assert Quick.fitted == [10, 500]


class Quick(Slow):
    fitted: list = []

    def fit(self, X, y):
        self.fitted.append(len(X))
        if len(X) == cost.FIRST:
            raise ValueError("so few rows do not do")
        return self


@pytest.mark.parametrize("name", ["catboost", "extra_trees", "k_nearest", "lightgbm", "mlp"])
def test_seconds_grow_as_the_expert_says(name):
    """Trees and epochs are spent on few rows too; neighbours are sought for each row in all."""
    built = experts.create(name).build("regression")
    assert (built.growth > 1) == (name == "k_nearest")
    assert 0.2 < built.growth < 2
