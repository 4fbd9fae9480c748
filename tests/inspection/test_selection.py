"""How many experts: the criteria are those of the literature, and agree with flexmix."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from moe_lab import MoEClassifier, MoERegressor, select_n_experts
from moe_lab.experts import LinearExpert
from moe_lab.gate import SoftmaxGate
from moe_lab.registry import experts, gates
from moe_lab.testing import example, example_table, example_target
from moe_lab.train import EM

REGIMES = Path(__file__).parents[1] / "data" / "regimes.csv"
LINEAR = MoERegressor("linear", n_experts=2, train=EM(n_init=2), random_state=0)


@pytest.fixture(scope="module")
def two_lines():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(150, 1))
    return X, 3 * np.abs(X[:, 0]) + rng.normal(0, 0.1, 150)


@pytest.fixture(scope="module")
def selection(two_lines):
    return select_n_experts(LINEAR, *two_lines, [3, 1, 2])


def test_parameters_are_those_of_experts_and_gate(two_lines):
    moe = LINEAR.fit(*two_lines)
    assert moe.n_parameters_ == 2 * 3 + 2  # slope, intercept, noise; the gate's slope, intercept
    assert moe.aic(*two_lines) == pytest.approx(2 * 8 - 2 * moe.log_likelihood(*two_lines))
    assert moe.bic(*two_lines) - moe.aic(*two_lines) == pytest.approx(8 * (np.log(150) - 2))


RANKED = ["softmax", "shrunk_softmax", "gaussian", "hierarchical", "constant"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("gate", RANKED)
def test_only_parameters_that_exist_are_counted(gate, task):
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.integers(0, 2, (120, 3)), columns=list("abc"))
    numbers["x"] = rng.normal(size=120)
    words = numbers.assign(**{name: numbers[name].map({0: "no", 1: "yes"}) for name in "abc"})
    dull = numbers.assign(same=3.0, again=numbers["x"], twice=2 - 2 * numbers["a"], word="w")
    y = numbers["x"] * np.where(numbers["a"] > 0, 2, -1) + rng.normal(size=120)
    mixture, y = (MoERegressor, y) if task == "regression" else (MoEClassifier, y > 0)
    em = EM(n_init=1, max_iter=4)
    moe = mixture("linear", 2, gate=gate, train=em, random_state=0)
    counts = {moe.fit(X, y).n_parameters_ for X in (numbers, words, dull)}
    assert len(counts) == 1
    if gate == "softmax":
        assert counts == {2 * (4 + 2) + 5 if task == "regression" else 2 * 5 + 5}


def test_a_linear_mixture_counts_like_that_too():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.uniform(-1, 1, 400), "side": rng.choice(["l", "r"], 400)})
    y = np.abs(X["x"].to_numpy()) + 0.05 * rng.normal(size=400)
    expert = experts.create("linear_mixture", n_experts=2).build("regression", random_state=0)
    assert expert.fit(X, y).n_parameters_ == 2 * (2 + 2) + 3
    assert expert.fit(X.assign(again=X["x"], one=1.0), y).n_parameters_ == 2 * (2 + 2) + 3


def test_regions_without_rows_have_no_parameters():
    X = pd.DataFrame({"x": np.linspace(-1, 1, 90)})
    y = np.abs(X["x"])
    rules = ("rules", {"rules": ["x < 0", "x > 99"]})
    moe = MoERegressor("linear", 2, gate=rules, train=EM(n_init=1, max_iter=3), random_state=0)
    with pytest.warns(UserWarning, match="floor|before the objective"):
        assert moe.fit(X, y).gate_.n_parameters_ == 2


def test_icl_is_bic_plus_what_is_unsure(two_lines):
    moe = LINEAR.fit(*two_lines)
    unsure = -2 * np.log(moe.responsibilities(*two_lines).max(axis=1)).sum()
    assert moe.icl(*two_lines) - moe.bic(*two_lines) == pytest.approx(unsure)


def test_the_table_holds_what_the_mixtures_say(two_lines, selection):
    assert list(selection.table.index) == list(selection.mixtures) == [1, 2, 3]
    for k, moe in selection.mixtures.items():
        said = [moe.aic(*two_lines), moe.bic(*two_lines), moe.icl(*two_lines), moe.n_parameters_]
        assert_allclose(selection.table.loc[k, ["aic", "bic", "icl", "df"]].tolist(), said)


@pytest.mark.parametrize("criterion", ["bic", "icl", "out_of_fold"])
def test_every_criterion_finds_two_lines(two_lines, selection, criterion):
    selection.criterion = criterion
    assert selection.best == selection.best_mixture.n_experts_ == 2


def test_out_of_fold_is_the_mean_log_likelihood_of_unseen_rows(two_lines, selection):
    X, y = two_lines
    parts = np.split(np.arange(150), 3)
    scores = [
        LINEAR.fit(np.delete(X, part, 0), np.delete(y, part)).score_samples(X[part], y[part])
        for part in parts
    ]
    assert selection.table.loc[2, "out_of_fold"] == pytest.approx(np.mean(scores))


def test_a_weight_of_two_counts_as_two_rows(two_lines):
    X, y = two_lines
    weight = np.repeat([2.0, 1.0, 0.0], 50)
    columns = ["log_likelihood", "aic", "bic", "icl"]
    weighted = select_n_experts(LINEAR, X, y, [2], sample_weight=weight).table[columns]
    rows = np.repeat(np.arange(150), weight.astype(int))
    repeated = select_n_experts(LINEAR, X[rows], y[rows], [2]).table[columns]
    assert_allclose(weighted, repeated, rtol=1e-4)


def test_each_fit_is_made_once(two_lines, monkeypatch):
    fit, sizes = MoERegressor.fit, []

    def counted(self, *args):
        sizes.append(self.n_experts)
        return fit(self, *args)

    monkeypatch.setattr(MoERegressor, "fit", counted)
    select_n_experts(LINEAR, *two_lines, [1, 2], cv=2)
    assert sorted(sizes) == [1, 1, 1, 2, 2, 2]


def test_flexible_experts_are_compared_out_of_fold(two_lines):
    moe = MoERegressor("extra_trees", n_experts=1, train=EM(max_iter=2), random_state=0)
    moe.set_params(experts=("extra_trees", {"n_estimators": 5}))
    selection = select_n_experts(moe, *two_lines, [1, 2], criterion="out_of_fold", cv=2)
    assert selection.table[["df", "aic", "bic", "icl"]].isna().all(axis=None)
    assert "out-of-fold log-likelihood picks" in selection._repr_html_()
    with pytest.raises(AttributeError, match=r"BIC needs .* expert 0.*criterion='out_of_fold'"):
        select_n_experts(moe, *two_lines, [1, 2], cv=2)


@pytest.mark.parametrize("name", gates.names())
def test_one_expert_works_with_every_gate(name):
    X = example_table(80)
    y = example_target(X, "regression") + np.random.default_rng(0).normal(size=80)
    moe = MoERegressor("linear", gate=example(gates, name), train="em", random_state=0)
    table = select_n_experts(moe, X, y, [1], criterion="out_of_fold", cv=2).table
    assert np.isfinite(table.loc[1, ["log_likelihood", "out_of_fold"]].tolist()).all()


def test_labels_and_groups_are_taken_as_they_come():
    X = example_table(90)
    y = pd.Series(np.array(["low", "mid", "high"])[example_target(X, "classification")])
    moe = MoEClassifier("linear", train=EM(n_init=1), random_state=0)
    selection = select_n_experts(moe, X, y, [1, 2], groups=np.arange(90) // 3)
    assert np.isfinite(selection.table.drop(columns="noise_at_floor")).all(axis=None)
    assert not selection.table[["noise_at_floor", "spikes"]].any(axis=None)


def test_a_noise_scale_at_its_floor_is_told(two_lines):
    X, _ = two_lines
    exact = MoERegressor(LinearExpert(alpha=0.0), train=EM(n_init=1), random_state=0)
    with pytest.warns(UserWarning, match="noise scale of expert 0 is at its floor"):
        selection = select_n_experts(exact, X, X[:, 0], [1], cv=2)
    assert selection.table.loc[1, "noise_at_floor"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", [1, 2])
def test_spikes_on_single_values_of_y_are_not_picked(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 2))
    ratings = np.clip(np.round(5.5 + X @ [0.8, 0.5] + 0.8 * rng.normal(size=300)), 3, 8)
    moe = MoERegressor("linear", train=EM(n_init=5), random_state=0)
    selection = select_n_experts(moe, X, ratings)
    assert selection.best == 1
    assert selection.table["bic"].idxmin() > 1 or selection.table["out_of_fold"].idxmax() > 1
    spiked = selection.table.index[selection.table["spikes"]]
    assert f"{spiked[-1]}, whose experts sit on single values of y" in selection._repr_html_()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regimes_without_noise_are_no_spikes():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 1))
    moe = MoERegressor("linear", train=EM(n_init=3), random_state=0)
    selection = select_n_experts(moe, X, np.abs(X[:, 0]), [1, 2])
    assert selection.best == 2
    assert selection.table["noise_at_floor"].tolist() == [False, True]


def test_the_picture_has_a_line_for_each_criterion(selection):
    figure = selection.plot()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["AIC", "BIC", "ICL", "out-of-fold deviance"]
    assert selection.plot(figure.axes[0]) is figure


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"criterion": "dic"}, "criterion must be one of 'aic', .*, got 'dic'"),
        ({"n_experts": []}, r"n_experts must hold integers of at least 1, got \[\]"),
        ({"n_experts": [0]}, "n_experts must hold integers of at least 1"),
        ({"n_experts": [101]}, "at most the rows that a fold trains on, got n_experts=101 and 100"),
        ({"groups": np.zeros(150)}, "needs two folds, got too few rows or groups"),
        ({"estimator": MoERegressor(random_state=0)}, "must be one expert to be copied"),
    ],
)
def test_errors_name_the_way_out(two_lines, params, message):
    X, y = two_lines
    with pytest.raises(ValueError, match=message):
        select_n_experts(**({"estimator": LINEAR, "X": X, "y": y} | params))


def test_a_class_that_a_fold_cannot_learn_is_refused():
    y = np.array(["rare"] + ["a", "b"] * 10)
    moe = MoEClassifier("linear", train="em")
    with pytest.raises(ValueError, match=r"Every class must be in the training rows.*'rare'"):
        select_n_experts(moe, np.arange(21.0)[:, None], y)


@pytest.mark.slow
def test_on_regimes_it_reaches_flexmix():
    """R flexmix 2.3-18 with FLXPmultinom, best of 20 restarts.

    Beyond three experts its likelihoods (BIC 4040.079 and 4064.472) come from experts of 7 to 16
    rows with a noise of about 0.01, where the others have 0.3 to 1: nothing to compare with.
    """
    regimes = pd.read_csv(REGIMES)
    moe = MoERegressor(
        LinearExpert(alpha=0.0), gate=SoftmaxGate(C=np.inf), train=EM(n_init=10), random_state=0
    )
    selection = select_n_experts(moe, regimes[["x1", "x2"]], regimes["y"], cv=2)
    table = selection.table
    assert_allclose(table["bic"][[1, 2, 3]], [6982.515, 5151.650, 4022.425], atol=0.5)
    assert table.loc[3, "log_likelihood"] >= -1945.394
    assert (table["df"] == [4, 11, 18, 25, 32]).all()
    assert selection.best == 3
    assert table["out_of_fold"].idxmax() == 3
    assert not table["noise_at_floor"].any()


def test_more_experts_explain_no_less():
    """From one start the likelihood of three, four and five experts was -35, -45 and -72 nats."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 2))
    y = np.where(X[:, 0] > 0, 3 * X[:, 1], 1 - 2 * X[:, 1]) + 2 * (X[:, 1] > 0.3)
    y += rng.normal(0, 0.2, 300)
    tree = {"gate": "tree", "train": ("em", {"n_init": 1}), "random_state": 0}
    moe = MoERegressor("linear", n_experts=2, **tree)
    found = select_n_experts(moe, X, y, range(3, 6), cv=2, criterion="out_of_fold")
    assert (np.diff(found.table["log_likelihood"]) >= 0).all()
    for k, mixture in found.mixtures.items():
        assert (mixture.n_experts, mixture.divide, mixture.train) == (k, None, moe.train)
        said = mixture.log_likelihood(X, y)
        assert found.table.loc[k, "log_likelihood"] == pytest.approx(said)
