"""Diagnosis: a mixture against its controls, and what it says of them."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError

from moe_lab import MoEClassifier, MoERegressor, diagnose
from moe_lab.gate.base import Gate
from moe_lab.registry import datasets
from moe_lab.testing import example_table, example_target
from moe_lab.train import EM

PLAIN = ["constant", "uniform", "shuffled", "best expert", "oracle"]


class Says(RegressorMixin, BaseEstimator):
    """Says one column of the table, and counts how often it is asked."""

    def __init__(self, column="x0"):
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.asked_ = 0
        return self

    def predict(self, X):
        self.asked_ += 1
        return X[self.column].to_numpy(float)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True  # it takes the table as it comes
        return tags


class SaysShare(ClassifierMixin, Says):
    """Says one column of the table for the probability of class 1."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([0, 1])
        return super().fit(X, y)

    def predict_proba(self, X):
        return np.column_stack([1 - self.predict(X), self.predict(X)])


class Sides(Gate):
    """Trusts expert 0 alone where x0 < 0, expert 1 elsewhere."""

    def fit(self, X, responsibilities, sample_weight=None):
        return self

    def fit_pooled(self, X, predictions, y, loss, sample_weight=None):
        return self

    def predict_proba(self, X):
        return np.eye(2)[(np.asarray(X)[:, 0] >= 0).astype(int)]


@pytest.fixture
def sides():
    """Two experts, one right where x0 < 0 and the other elsewhere; the gate knows."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["x0", "x1", "x2"])
    y = np.where(X["x0"] < 0, X["x1"], X["x2"]) + rng.normal(0, 0.1, 200)
    moe = MoERegressor([Says("x1"), Says("x2")], gate=Sides(), random_state=0)
    return moe.fit(X, y), X, y


@pytest.fixture(scope="module", params=["regression", "classification"])
def default(request):
    """The default mixture of two families, stackers and all, and rows that it did not see."""
    X = example_table(240)
    y = example_target(X, request.param)
    if request.param == "classification":
        y = np.array(["low", "mid", "high"])[y]
    mixture = MoERegressor if request.param == "regression" else MoEClassifier
    pool = ["linear", ("extra_trees", {"n_estimators": 10})]
    return mixture(pool, random_state=0).fit(X[:140], y[:140]), X[140:], y[140:]


def test_the_controls_are_what_they_are_called(sides):
    moe, X, y = sides
    table = diagnose(moe, X, y).table
    experts = X[["x1", "x2"]].to_numpy()
    errors = {
        "mixture": moe.predict(X) - y,
        "uniform": experts.mean(axis=1) - y,
        "oracle": np.abs(experts - y[:, None]).min(axis=1),
    }
    for name, error in errors.items():
        assert_allclose(table.loc[name, "error"], np.sqrt(np.mean(error**2)))
    each = np.sqrt(np.mean((experts - y[:, None]) ** 2, axis=0))
    assert_allclose(table.loc["best expert", "error"], each.min())
    assert table.index.tolist() == ["mixture", *PLAIN]
    assert table.columns.name == "rmse"
    assert_allclose(table["difference"], 100 * (table["error"] / table.loc["mixture", "error"] - 1))


def test_constant_weights_are_learnt_on_other_rows(sides):
    moe, X, y = sides
    error = diagnose(moe, X, y).table.loc["constant", "error"]
    first, second = X["x1"].to_numpy(), X["x2"].to_numpy()
    squares = []
    for test in np.array_split(np.arange(200), 5):
        train = np.setdiff1d(np.arange(200), test)
        apart = first[train] - second[train]
        share = np.clip(apart @ (y[train] - second[train]) / (apart @ apart), 0, 1)
        squares.append((share * first[test] + (1 - share) * second[test] - y[test]) ** 2)
    assert_allclose(error, np.sqrt(np.mean(squares)), rtol=1e-4)


def test_experts_are_asked_once(sides):
    moe, X, y = sides
    for expert in moe.experts_:
        expert.asked_ = 0
    diagnose(moe, X, y)
    assert [expert.asked_ for expert in moe.experts_] == [1, 1]


def test_the_standard_error_is_that_of_the_bootstrap(sides):
    moe, X, y = sides
    X, y = X[::2].reset_index(drop=True), y[::2]
    row = diagnose(moe, X, y).table.loc["uniform"]
    own = (moe.predict(X) - y) ** 2
    even = (X[["x1", "x2"]].mean(axis=1).to_numpy() - y) ** 2
    rng = np.random.default_rng(0)
    drawn = (rng.integers(100, size=100) for _ in range(4000))
    ratios = [100 * np.sqrt(even[rows].mean() / own[rows].mean()) for rows in drawn]
    assert_allclose(row["se"], np.std(ratios), rtol=0.1)


@pytest.mark.parametrize("control", ["mixture", "uniform", "best expert", "oracle"])
def test_a_weight_of_two_is_two_rows(sides, control):
    moe, X, y = sides
    weight = np.r_[np.zeros(20), np.tile([1.0, 2.0], 90)]
    rows = np.repeat(np.arange(200), weight.astype(int))
    weighted = diagnose(moe, X, y, sample_weight=weight).table.loc[control]
    repeated = diagnose(moe, X.iloc[rows], y[rows]).table.loc[control]
    assert_allclose(weighted[["error", "difference"]], repeated[["error", "difference"]])


def test_shuffled_weights_of_a_constant_gate_are_its_own(default):
    moe, X, y = default
    gate = ("anchored", {"n_estimators": 0})
    moe = type(moe)(["linear", "extra_trees"], gate=gate, random_state=0).fit(X[:50], y[:50])
    diagnosis = diagnose(moe, X[50:], y[50:])
    assert_allclose(diagnosis.table.loc["shuffled", ["difference", "se"]], 0, atol=1e-9)
    assert diagnosis.routing_helps is None
    assert diagnosis.sentences[0].startswith("Routing adds nothing here: the gate's weights do not")


def test_the_best_of_each_row_is_never_worse_than_the_best_of_all(default, sides):
    for table in (diagnose(*default).table, diagnose(*sides).table):
        assert table.loc["oracle", "error"] <= table.loc["best expert", "error"]


def test_of_class_probabilities_nothing_pooled_beats_the_oracle():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(size=(100, 3)), columns=["x0", "x1", "x2"])
    y = rng.integers(2, size=100)
    moe = MoEClassifier([SaysShare("x1"), SaysShare("x2")], gate="softmax", random_state=0)
    table = diagnose(moe.fit(X, y), X, y).table
    assert (table["error"] >= table.loc["oracle", "error"]).all()
    assert table.columns.name == "log_loss"


def test_the_default_mixture_is_held_against_the_one_without_its_correction(default):
    diagnosis = diagnose(*default)
    assert diagnosis.table.index.tolist() == ["mixture", "no correction", *PLAIN]
    assert np.isfinite(diagnosis.table.to_numpy()).all()
    correction, *_, best, _ = diagnosis.sentences[-4:]
    assert re.search(r"rmse|log_loss", correction)
    assert re.match(r"The best single expert, (linear|extra_trees): ", best)


def test_stackers_that_are_listed_are_held_against_the_mixture_without_their_trees(default):
    moe, X, y = default
    pool = ["linear", "extra_trees", "stacker", "residual_stacker"]
    moe = type(moe)(pool, random_state=0).fit(X[:50], y[:50])
    diagnosis = diagnose(moe, X[50:], y[50:])
    assert "no residual" in diagnosis.table.index
    residual = diagnosis.sentences[-3]
    assert re.match(r"residual_stacker .*: without it, constant weights would cost [+-]", residual)


def test_no_residual_equals_constant_where_the_residual_is_not_trusted(default):
    moe, X, y = default
    pool = ["linear", "extra_trees", "stacker", ("residual_stacker", {"n_estimators": 0})]
    moe = type(moe)(pool, random_state=0).fit(X[:50], y[:50])  # both stackers say the same
    table = diagnose(moe, X[50:], y[50:]).table
    assert_allclose(table.loc["no residual", "error"], table.loc["constant", "error"], rtol=1e-3)


class OneSide(RegressorMixin, BaseEstimator):
    """Knows the target but for an error where ``part`` of the rows is: x0 + error."""

    def __init__(self, wrong="nowhere", column=3):
        self.wrong, self.column = wrong, column

    def fit(self, X, y, sample_weight=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        X = np.asarray(X, float)
        wrong = {"nowhere": 0, "left": X[:, 1] < 0, "right": X[:, 1] >= 0, "everywhere": 1}
        return X[:, 0] + 3 * X[:, self.column] * wrong[self.wrong]


PLANTED = {
    "constant weights": ([("nowhere", 3), ("everywhere", 3), ("everywhere", 4)], 0.0),
    "weights that vary": ([("left", 3), ("right", 3)], 0.0),
    "correction": ([("nowhere", 3), ("nowhere", 4)], 1.0),
    "nothing": ([("nowhere", 3), ("nowhere", 4)], 0.0),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_each_of_the_three_gains_is_found_where_it_is_planted(planted):
    experts, step = PLANTED[planted]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1600, 5))
    y = X[:, 0] + step * np.sign(X[:, 2]) + 0.3 * rng.normal(size=1600)
    moe = MoERegressor([OneSide(*expert) for expert in experts], random_state=0)
    diagnosis = diagnose(moe.fit(X[:800], y[:800]), X[800:], y[800:])
    gains = diagnosis.gains
    found = gains.index[(gains["gain"] > 5) & (gains["gain"] > 2 * gains["se"])].tolist()
    if planted == "weights that vary":
        assert planted in found
        assert diagnosis.routing_helps is True
        gain = gains.loc[planted, "gain"]
        assert re.search(rf"constant weights instead .* rmse \+{gain:.1f} ± ", str(diagnosis))
        most = moe.gate_weights(X[800:]).argmax(axis=1)
        assert np.mean(most == (X[800:, 1] < 0)) > 0.9  # the right one on each side
    else:
        assert found == [planted] * (planted != "nothing")
        assert diagnosis.routing_helps is not True


@pytest.mark.parametrize("pool", ["linear", "median", "log_linear", "argmax"])
def test_weights_go_through_the_models_own_pooler(sides, pool):
    moe, X, y = sides
    moe = MoERegressor([Says("x1"), Says("x2")], gate=Sides(), pool=pool).fit(X, y)
    table = diagnose(moe, X, y).table
    assert_allclose(table.loc["mixture", "error"], np.sqrt(np.mean((moe.predict(X) - y) ** 2)))
    pooled = moe.pooler_.pool(moe.expert_predictions(X), np.full((200, 2), 0.5), moe.scales_)
    assert_allclose(table.loc["uniform", "error"], np.sqrt(np.mean((pooled[:, 0] - y) ** 2)))


def test_what_pays_is_said_with_its_numbers(sides):
    diagnosis = diagnose(*sides)
    row = diagnosis.table.loc["constant"]
    assert diagnosis.routing_helps is True
    assert diagnosis.sentences[0] == (
        f"Routing pays: without it the rmse would be {row['difference']:.1f} ± "
        f"{row['se']:.1f} % higher."
    )
    assert re.match(r"Handed to other rows, .* cost \+\d+\.\d ± ", diagnosis.sentences[1])
    assert str(diagnosis) == repr(diagnosis)
    assert str(diagnosis).startswith(diagnosis.sentences[0])
    assert "best expert" in str(diagnosis)


def test_a_gate_that_trusts_the_wrong_expert_does_harm(sides):
    moe, X, y = sides
    moe.experts_ = moe.experts_[::-1]
    diagnosis = diagnose(moe, X, y)
    assert diagnosis.routing_helps is False
    assert re.match(r"Routing does harm: .* % lower\.", diagnosis.sentences[0])


def test_one_expert_leaves_nothing_to_route(sides):
    _, X, y = sides
    diagnosis = diagnose(MoERegressor("linear", 1).fit(X, y), X, y)
    assert diagnosis.routing_helps is None
    assert diagnosis.sentences[0].startswith("Routing adds nothing here")


def test_a_mixture_without_error_is_infinitely_better():
    X = pd.DataFrame({"x0": np.tile([-1.0, 1.0], 20), "x1": 0.0, "x2": 1.0})
    y = np.where(X["x0"] < 0, X["x1"], X["x2"])
    moe = MoERegressor([Says("x1"), Says("x2")], gate=Sides()).fit(X, y)
    diagnosis = diagnose(moe, X, y)
    assert diagnosis.table.loc["mixture", "error"] == 0
    assert diagnosis.table.loc["constant", "difference"] == np.inf
    assert diagnosis.routing_helps is True


def test_routing_adds_nothing_where_the_experts_are_alike():
    helps = []
    for seed in range(10):
        data = datasets.create("friedman1", n_samples=400, random_state=seed)
        trees = ("extra_trees", {"n_estimators": 15})
        moe = MoERegressor(trees, 4, gate="softmax", random_state=seed)
        moe.fit(data.X[:200], data.y[:200])
        diagnosis = diagnose(moe, data.X[200:], data.y[200:])
        helps.append(diagnosis.routing_helps)
    assert helps.count(True) <= 1


def test_routing_pays_where_there_are_regimes():
    helps = []
    for seed in range(10):
        data = datasets.create("piecewise", n_samples=400, random_state=seed)
        em = EM(n_init=3, max_iter=50)
        moe = MoERegressor("linear", 3, train=em, random_state=seed)
        moe.fit(data.X[:250], data.y[:250])
        helps.append(diagnose(moe, data.X[250:], data.y[250:]).routing_helps)
    assert helps.count(True) >= 9


def halves(target, n_samples=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, (n_samples, 1))
    y = target(X[:, 0]) + 0.2 * rng.normal(size=n_samples)
    half = n_samples // 2
    return (X[:half], y[:half]), (X[half:], y[half:])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("expert", "target"), [("k_nearest", np.sin), ("linear", lambda x: x)], ids=["curve", "line"]
)
def test_routing_does_not_pay_where_one_expert_on_all_rows_is_as_good(expert, target, known):
    for seed in range(3):
        train, fresh = halves(target, seed=seed)
        em = EM(n_init=3) if expert == "linear" else "em"
        moe = MoERegressor(expert, 3, train=em, random_state=seed).fit(*train)
        diagnosis = diagnose(moe, *fresh, train=train if known else None)
        assert diagnosis.routing_helps is not True
        rows = "all training rows" if known else "the other folds of these rows"
        assert any(f"fitted to {rows}: rmse" in said for said in diagnosis.sentences)


def test_one_expert_is_the_mixtures_own_kind_refitted_to_the_training_rows():
    train, fresh = halves(np.abs)
    moe = MoERegressor("linear", 2, train=EM(n_init=2), random_state=0).fit(*train)
    diagnosis = diagnose(moe, *fresh, train=train)
    line = MoERegressor("linear", 1, train="em").fit(*train)
    error = np.sqrt(np.mean((line.predict(fresh[0]) - fresh[1]) ** 2))
    assert diagnosis.table.loc["one expert", "error"] == pytest.approx(error)
    assert diagnosis.routing_helps is True
    weight = np.repeat([2.0, 0.0], 150)
    weighted = diagnose(moe, *fresh, train=(*train, weight)).table.loc["one expert", "error"]
    half = line.fit(train[0][:150], train[1][:150], sample_weight=np.full(150, 2.0))
    assert weighted == pytest.approx(np.sqrt(np.mean((half.predict(fresh[0]) - fresh[1]) ** 2)))


def test_of_several_kinds_the_best_alone_counts_and_classes_keep_their_names():
    X = example_table(200)
    y = np.array(["low", "mid", "high"])[example_target(X, "classification")]
    moe = MoEClassifier(["linear", "k_nearest"], train=("em", {"max_iter": 2}), random_state=0)
    moe.fit(X[:120], y[:120])
    table = diagnose(moe, X[120:], y[120:], train=(X[:120], y[:120])).table
    alone = [
        MoEClassifier(kind, 1, gate="constant", train=("em", {"max_iter": 2}), random_state=0)
        for kind in ("linear", "k_nearest")
    ]
    codes = np.searchsorted(moe.classes_, y[120:])
    losses = [
        -np.log(np.clip(one.fit(X[:120], y[:120]).predict_proba(X[120:]), 1e-5, 1))[
            np.arange(80), codes
        ].mean()
        for one in alone
    ]
    assert table.loc["one expert", "error"] == pytest.approx(min(losses))


def test_out_of_fold_every_expert_saw_all_rows_and_none_is_refitted(default):
    assert "one expert" not in diagnose(*default).table.index


def ages(n_samples, seed):
    """Three regimes of age."""
    rng = np.random.default_rng(seed)
    age, dose = rng.uniform(18, 80, n_samples), rng.uniform(0, 5, n_samples)
    X = pd.DataFrame({"age": age, "dose": dose, "site": rng.choice(list("abc"), n_samples)})
    y = np.where(age < 40, 2 * dose, np.where(age < 60, 6 - dose, 1 + 0.2 * dose))
    return X, y + 0.3 * rng.normal(size=n_samples)


def test_a_tree_gate_finds_its_regions_from_any_seed():
    X, y = ages(700, 1)
    for seed in range(3):
        moe = MoERegressor("linear", 3, gate="tree", train="em", random_state=seed)
        moe.fit(X[:400], y[:400])
        assert len(moe.starts_) == 4
        assert np.sqrt(np.mean((moe.predict(X[400:]) - y[400:]) ** 2)) < 0.5


def test_starts_that_disagree_are_said():
    X, y = ages(700, 1)
    moe = MoERegressor("linear", 3, gate="tree", train="em", random_state=1)
    sentences = diagnose(moe.fit(X[:400], y[:400]), X[400:], y[400:]).sentences
    gap = moe.starts_["log_likelihood"].nlargest(2)
    said = any(s.startswith("Starts of training disagree: one of 4 came to") for s in sentences)
    assert said == (gap.iloc[0] - gap.iloc[1] > 5)
    moe.history_ = pd.DataFrame({"start": [0, 0, 1, 1], "log_likelihood": [-90.0, -80, -190, -180]})
    sentences = diagnose(moe, X[400:], y[400:]).sentences
    assert "log-likelihood of -80, the next to -180" in sentences[-1]


X_FEW = example_table(60)
Y_FEW = example_target(X_FEW, "regression")


def spoilt(values, value):
    values = np.array(values, dtype=object if value is None else None)
    values[0] = value
    return values


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"mixture": MoERegressor()}, NotFittedError, "not fitted"),
        ({"X": X_FEW[:19], "y": Y_FEW[:19]}, ValueError, "at least 20 rows.*got 19.*Hold out"),
        ({"sample_weight": np.arange(60) < 5}, ValueError, "positive weight, got 5"),
        ({"sample_weight": np.zeros(60)}, ValueError, "positive for at least one row"),
        ({"sample_weight": spoilt(np.ones(60), -1)}, ValueError, "egative"),
        ({"sample_weight": spoilt(np.ones(60), np.nan)}, ValueError, "NaN"),
        ({"sample_weight": np.ones(59)}, ValueError, "sample_weight.shape"),
        ({"y": spoilt(Y_FEW, np.nan)}, ValueError, "y must not contain NaN.*got 1 such"),
        ({"y": np.repeat(["a", "b"], 30)}, ValueError, "y must be numbers"),
        ({"y": Y_FEW[:-1]}, ValueError, r"inconsistent.*\[60, 59\]"),
        ({"X": X_FEW.drop(columns="x1")}, ValueError, "x1"),
        ({"X": X_FEW.assign(x0=np.inf)}, ValueError, "infinite values in column 'x0'"),
        ({"train": X_FEW}, TypeError, r"train must be \(X, y\) or .* got DataFrame"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_diagnosed_is_said(few, params, error, message):
    with pytest.raises(error, match=message):
        diagnose(**{"mixture": few, "X": X_FEW, "y": Y_FEW} | params)


@pytest.fixture(scope="module")
def few():
    return MoERegressor("linear", 2, gate="constant", random_state=0).fit(X_FEW, Y_FEW)


@pytest.mark.parametrize("label", ["never seen", None])
def test_a_class_that_fit_did_not_see_is_refused(label):
    y = np.array(["low", "mid", "high"], dtype=object)[example_target(X_FEW, "classification")]
    moe = MoEClassifier("linear", 2, gate="constant", random_state=0).fit(X_FEW, y)
    with pytest.raises(ValueError, match="classes seen in fit"):
        diagnose(moe, X_FEW, spoilt(y, label))
    few_classes = y != "mid"
    assert np.isfinite(diagnose(moe, X_FEW[few_classes], y[few_classes]).table).all(axis=None)
