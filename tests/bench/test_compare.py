"""The comparison: same folds, one tidy table, honest failures; and what the statistics say."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from moe_lab.bench import compare, fit_on_fold, in_words, leaderboard, mixture, paired, summary
from moe_lab.bench.metrics import classification_scores
from moe_lab.bench.statistics import sum_up
from moe_lab.datasets.base import Dataset
from moe_lab.experts.names import label
from moe_lab.registry import methods


@pytest.fixture
def line() -> Dataset:
    """A regression set whose first column says which row it is."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"row": np.arange(60.0), "x": rng.normal(size=60)})
    return Dataset("line", X, pd.Series(3 * X["x"] + rng.normal(size=60)), "regression")


@pytest.fixture
def colours() -> Dataset:
    """A classification set with string labels."""
    rng = np.random.default_rng(0)
    y = pd.Series(np.repeat(["red", "green", "blue"], 20))
    X = pd.DataFrame({"x": y.map({"red": 0, "green": 2, "blue": 4}) + rng.normal(size=60)})
    return Dataset("colours", X, y, "classification")


SEEN = []


class Spy(RegressorMixin, BaseEstimator):
    """Notes the rows and groups it is fitted on."""

    def __init__(self, name="spy", random_state=None):
        self.name = name
        self.random_state = random_state

    def fit(self, X, y, groups=None):
        SEEN.append((self.name, self.random_state, tuple(np.asarray(X)[:, 0]), groups))
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class SpyMethod:
    """A method whose estimators are spies on the table as it comes."""

    def __init__(self, name="spy"):
        self.name = name

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        return Spy(self.name, random_state)


@pytest.fixture(autouse=True)
def forget():
    SEEN.clear()


def test_the_table_is_tidy(line):
    scores = compare({"mean": DummyRegressor()}, line, folds=3, seeds=(0, 7), progress=False)

    assert list(scores["metric"].unique()) == ["rmse", "mae"]  # the primary one first
    assert not scores.duplicated(["dataset", "method", "seed", "fold", "metric"]).any()
    assert len(scores) == 2 * 3 * 2
    assert (scores["n_train"] + scores["n_test"] == 60).all()
    assert (scores[["fit_seconds", "fit_cpu_seconds", "predict_seconds"]] >= 0).all(axis=None)


def test_all_methods_see_the_same_folds_and_seeds_draw_others(line):
    compare({"a": SpyMethod("a"), "b": SpyMethod("b")}, line, folds=3, seeds=(0, 1), progress=False)

    rows = {name: [seen[2] for seen in SEEN if seen[0] == name] for name in "ab"}
    assert rows["a"] == rows["b"]
    assert len(set(rows["a"])) == 6
    assert [seen[1] for seen in SEEN if seen[0] == "a"] == [0, 0, 0, 1, 1, 1]


def test_a_method_is_finished_and_told_before_the_next_begins(line, monkeypatch, capsys):
    monkeypatch.setenv("MOE_LAB_RUN_FOLDER", "somewhere")
    compare({"a": SpyMethod("a"), "b": SpyMethod("b")}, line, folds=3)

    assert [seen[0] for seen in SEEN] == ["a"] * 3 + ["b"] * 3
    said = [text for text in capsys.readouterr().err.split("\n") if "\x1e" in text]
    assert [text.partition("\x1e")[2].split(" ")[:3] for text in said] == [
        [f"{line.name}:", f"{name}:", "rmse"] for name in "ab"
    ]


def test_groups_stay_together_and_reach_fit(line):
    groups = pd.Series(np.arange(60) // 6)
    grouped = Dataset("grouped", line.X, line.y, "regression", groups=groups)

    compare({"spy": SpyMethod()}, grouped, folds=3, progress=False)

    for _, _, rows, told in SEEN:
        train = {int(row) // 6 for row in rows}
        test = set(range(10)) - train
        assert len(train) + len(test) == 10
        assert test
        assert not {int(row) // 6 for row in set(range(60)) - set(rows)} & train
        assert list(told) == [int(row) // 6 for row in rows]


def test_time_order_is_never_shuffled_and_seeds_reach_the_models_alone(line):
    ordered = Dataset("ordered", line.X, line.y, "regression", time_ordered=True)

    compare({"spy": SpyMethod()}, ordered, folds=3, seeds=(0, 1), progress=False)

    assert [seen[2] for seen in SEEN[:3]] == [seen[2] for seen in SEEN[3:]]
    assert all(rows == tuple(range(len(rows))) for _, _, rows, _ in SEEN)
    assert [seen[1] for seen in SEEN] == [0, 0, 0, 1, 1, 1]


def test_string_labels_are_scored_as_scikit_learn_scores_them(colours):
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    estimator, X_test = fit_on_fold(LogisticRegression(), colours, folds=3)
    y_test, proba = colours.y.loc[X_test.index], estimator.predict_proba(X_test)
    scores = compare({"logistic": LogisticRegression()}, colours, folds=3, progress=False)

    found = scores[scores["fold"] == 0].set_index("metric")["score"]
    classes = np.array(["blue", "green", "red"])
    assert found["log_loss"] == pytest.approx(log_loss(y_test, proba, labels=classes))
    accuracy = accuracy_score(y_test, classes[proba.argmax(axis=1)])
    assert found["accuracy"] == pytest.approx(accuracy)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y_test, proba, multi_class="ovr"))


def test_a_class_missing_in_training_costs_a_finite_loss():
    scores = classification_scores(np.array([0, 2]), np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]))

    assert np.isfinite(scores["log_loss"])
    assert scores["log_loss"] > 15
    assert np.isnan(scores["roc_auc"])  # a class is missing in y


def test_nll_is_measured_where_a_method_has_a_density(line):
    em = ("moe", {"experts": "linear", "n_experts": 1, "train": "em"})

    scores = compare({"moe": em, "linear": "linear"}, line, folds=2, progress=False)

    measured = scores.groupby("method")["metric"].unique().map(list)
    assert measured["moe"] == ["rmse", "mae", "nll"]
    assert measured["linear"] == ["rmse", "mae"]
    nll = scores[scores["metric"] == "nll"]
    assert nll["score"].between(0.5, 3).all()  # noise of 1 has 1.42 nats


class Failing(ClassifierMixin, BaseEstimator):
    """Cannot be fitted."""

    def fit(self, X, y):
        raise RuntimeError("no luck")

    def predict(self, X):
        raise AssertionError


def test_a_failing_method_raises_its_own_exception_and_says_where(colours):
    with pytest.raises(RuntimeError, match="no luck") as caught:
        compare({"bad": Failing()}, colours, folds=3, progress=False)

    assert caught.value.__notes__ == [
        "It came up in method 'bad', seed 0, fold 0 of 3 (from 0), data set 'colours'."
    ]


def test_a_failing_method_can_be_left_without_a_score(colours):
    methods = {"stacking": DummyClassifier(), "bad": Failing()}

    with pytest.warns(UserWarning, match="No score for method 'bad'"):
        scores = compare(methods, colours, folds=3, errors="warn", progress=False)

    board = leaderboard(scores)
    assert board["method"].tolist() == ["stacking", "bad"]
    assert np.isnan(board["score"].iloc[1])
    assert "No score, since a fold failed: bad." in in_words(scores)[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ["stackin"]}, "Unknown method 'stackin'. Did you mean 'stacking'?"),
        ({"methods": []}, "methods must name at least one method"),
        ({"dataset": "amse"}, "Unknown data set 'amse'. Did you mean 'ames'?"),
        ({"folds": 1}, "folds must be at least 2, got folds=1"),
        ({"folds": 61}, "folds must be at most n_samples, got folds=61 and n_samples=60"),
        ({"seeds": ()}, "seeds must be a sequence of whole numbers"),
        ({"seeds": 3}, "seeds must be a sequence of whole numbers, got 3"),
        ({"errors": "ignore"}, "errors must be 'raise' or 'warn'"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_wrong_arguments_are_told_before_any_fit(line, change, message):
    arguments = {"methods": {"spy": SpyMethod()}, "dataset": line, "folds": 3} | change
    with pytest.raises(ValueError, match=message):
        compare(**arguments, progress=False)
    assert not SEEN


def test_a_classifier_cannot_take_part_in_a_regression(line):
    with pytest.raises(TypeError, match="must be a regressor"):
        compare({"wrong": LogisticRegression()}, line, folds=3, progress=False)


def test_labels_say_what_differs_from_the_default():
    assert label(("moe", {"gate": "auto"})) == "moe"
    assert label(("moe", {"experts": ["linear", "mlp"], "train": "em"})) == (
        "moe(experts=linear+mlp, train=em)"
    )
    assert mixture() == ("moe", {})
    assert mixture(experts="linear", n_experts=3, gate="constant") == (
        "moe",
        {"experts": "linear", "gate": "constant", "n_experts": 3},
    )


def test_a_name_listed_twice_is_one_method_and_two_methods_cannot_share_a_label(line):
    scores = compare(["linear", "linear"], line, folds=2, progress=False)
    assert scores["method"].unique().tolist() == ["linear"]
    with pytest.raises(ValueError, match="'LinearRegression' twice"):
        compare([LinearRegression(), LinearRegression()], line, folds=2, progress=False)


def table(**methods) -> pd.DataFrame:
    """Scores of a comparison: method -> scores of the folds."""
    rows = [
        {"method": method, "fold": fold, "score": score}
        for method, scores in methods.items()
        for fold, score in enumerate(scores)
    ]
    fixed = {"dataset": "d", "task": "regression", "metric": "rmse", "n_folds": 4, "seed": 0}
    seconds = {"fit_seconds": 1.0, "fit_cpu_seconds": 1.0, "predict_seconds": 0.1}
    return pd.DataFrame(rows).assign(**fixed, **seconds, n_train=75, n_test=25)


def test_paired_differences_are_taken_fold_by_fold():
    scores = table(stacking=[10.0, 20.0, 10.0, 20.0], moe=[9.0, 18.0, 10.02, 22.0])

    (row,) = paired(scores).to_dict("records")

    each = np.array([-10.0, -10.0, 0.2, 10.0])
    assert row["difference"] == pytest.approx(each.mean())
    assert row["se"] == pytest.approx(np.sqrt((1 / 4 + 1 / 3) * each.var(ddof=1)))
    assert (row["wins"], row["ties"], row["losses"], row["n"]) == (2, 1, 1, 4)


def test_paired_counts_wins_by_the_direction_of_the_metric():
    scores = table(stacking=[0.8] * 4, moe=[0.9] * 4)
    scores = scores.assign(task="classification", metric="accuracy")

    (row,) = paired(scores, metric="accuracy").to_dict("records")

    assert row["difference"] == pytest.approx(12.5)
    assert (row["wins"], row["losses"]) == (4, 0)


def test_paired_nll_is_in_nats():
    scores = table(stacking=[-0.1] * 4, moe=[-0.3] * 4).assign(metric="nll")

    (row,) = paired(scores, metric="nll").to_dict("records")

    assert (row["unit"], row["wins"]) == ("nats", 4)
    assert row["difference"] == pytest.approx(-0.2)


def test_paired_needs_the_baseline():
    with pytest.raises(ValueError, match=r"Unknown baseline 'stackin'. Did you mean 'stacking'\?"):
        paired(table(stacking=[1.0], moe=[1.0]), "stackin")
    with pytest.raises(ValueError, match="Unknown metric 'rsme'. Did you mean 'rmse'"):
        paired(table(stacking=[1.0]), metric="rsme")


def test_the_summary_counts_each_data_set_once():
    scores = pd.concat(
        [
            table(stacking=[10.0, 10.0], moe=[9.0, 9.0]).assign(dataset="a"),
            table(stacking=[10.0, 10.0], moe=[9.8, 9.8]).assign(dataset="b"),
            table(stacking=[10.0, 10.0], moe=[10.02, 10.02]).assign(dataset="c"),
        ]
    )

    (row,) = summary(scores).to_dict("records")

    each = np.array([-10.0, -2.0, 0.2])
    assert row["difference"] == pytest.approx(each.mean())
    assert row["se"] == pytest.approx(each.std(ddof=1) / np.sqrt(3))
    assert (row["wins"], row["ties"], row["losses"], row["n_datasets"]) == (2, 1, 0, 3)


def test_a_sum_knows_which_way_is_better_and_leaves_out_what_failed():
    columns = {"metric": "accuracy", "se": 0.1, "unit": "%"}
    rows = {"dataset": ["a", "b", "c", "d"], "difference": [3.0, 0.1, -4.0, np.nan]}
    sums = sum_up(pd.DataFrame(rows).assign(**columns))
    assert (sums["n_datasets"], sums["wins"], sums["ties"], sums["losses"]) == (3, 1, 1, 1)
    assert sums["worse"] == ["c"]
    assert sums["difference"] == pytest.approx(-0.3)


def test_the_leaderboard_is_sorted_and_needs_no_baseline():
    scores = table(linear=[3.0, 3.2], moe=[1.0, 1.2])

    board = leaderboard(scores)

    assert board["method"].tolist() == ["moe", "linear"]
    assert board["difference"].isna().all()


def test_words_name_only_differences_that_are_seen():
    scores = table(
        stacking=[10.0, 10.1, 9.9, 10.0],
        moe=[9.0, 9.1, 8.9, 9.0],
        noisy=[8.0, 12.0, 7.0, 13.5],
        bad=[20.0, 20.1, 19.9, 20.0],
    )

    best, better, worse, unclear = in_words(scores)

    assert best == "d: moe has the best rmse (9)."
    assert better.startswith("d: better than stacking: moe (-10.0 ±")
    assert "bad (+100.0" in worse
    assert "moe" not in worse
    assert "not to be told apart from stacking" in unclear
    assert "noisy" in unclear


@pytest.mark.parametrize(
    ("moe", "constant", "said"),
    [
        ([9.0, 9.1, 8.9], [10.0, 10.1, 9.9], r"routing pays: rmse -10\.0 ± \d\.\d %"),
        ([10.0, 10.1, 9.9], [9.0, 9.1, 8.9], r"routing does harm: rmse \+11\.1 ± \d\.\d %"),
        ([9.0, 10.1, 11.0], [10.0, 10.0, 10.0], r"routing added nothing that can be told: rmse \+"),
        ([9.0], [10.0], r"routing added nothing that can be told: rmse -10\.0 %"),
    ],
    ids=["pays", "harms", "unclear", "one fold"],
)
def test_words_say_whether_routing_added_anything(moe, constant, said):
    scores = table(stacking=[10.0] * len(moe), moe=moe, moe_constant=constant)
    sentence = in_words(scores)[-1]
    assert re.fullmatch(rf"d: {said}.* \(moe against moe_constant\)\.", sentence)
    assert in_words(scores[scores["method"] != "stacking"])[-1] == sentence


def test_with_several_data_sets_the_summary_comes_first():
    one = table(stacking=[10.0, 10.1], moe=[9.0, 9.1])
    first, *rest = in_words(pd.concat([one.assign(dataset=name) for name in "abc"]))
    assert first.startswith("Over 3 data sets, against stacking: moe (-10.0 ±")
    assert not any("Over" in sentence for sentence in rest)


def test_of_many_methods_the_summary_tells_the_best():
    methods = {f"m{k:02}": [10.0 + k, 10.1 + k] for k in range(20)}
    one = table(stacking=[10.0, 10.1], **methods)
    first = in_words(pd.concat([one.assign(dataset=name) for name in "abc"]))[0]
    assert "m05" in first
    assert "m06" not in first
    assert first.endswith("; 14 more behind these.")


def test_words_of_routing_need_both_methods_and_a_score_of_each():
    scores = table(stacking=[10.0] * 3, moe=[9.0, 9.1, 8.9], moe_constant=[np.nan] * 3)
    assert not any("routing" in sentence for sentence in in_words(scores))
    scores = scores[scores["method"] != "moe_constant"]
    assert not any("routing" in sentence for sentence in in_words(scores))


def test_a_higher_score_that_is_better_is_a_gain_of_routing():
    scores = table(moe=[0.8, 0.81, 0.79], moe_constant=[0.7, 0.71, 0.69])
    scores = scores.assign(task="classification", metric="accuracy")
    assert "routing pays: accuracy +14." in in_words(scores, metric="accuracy")[-1]


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_constant_mixture_is_the_learned_pool_at_fixed_weights(task, line, colours):
    data = line if task == "regression" else colours
    method = methods.create("moe_constant", experts=["linear", "extra_trees"])
    moe = method.build(task, random_state=0).fit(data.X, data.y)
    assert moe.expert_names_ == ["linear", "extra_trees"]
    weights, said = moe.gate_weights(data.X), moe.expert_predictions(data.X)
    np.testing.assert_allclose(weights, np.tile(weights[0], (len(weights), 1)), rtol=1e-12)
    routed = methods.create("moe", experts=["linear", "extra_trees"])
    full = routed.build(task, random_state=0).fit(data.X, data.y)
    np.testing.assert_allclose(weights[0], full.gate_.anchor_)  # nothing else differs
    assert moe.pooler_.correction_.booster_ is None
    assert full.pooler_.correction_.booster_ is not None
    if task == "regression":
        stack = moe.pooler_.beta_ * said[:, :, 0] @ weights[0] + moe.pooler_.bias_
        np.testing.assert_allclose(moe.predict(data.X), stack)


@pytest.mark.parametrize(
    "params",
    [
        {"experts": ["linear"]},
        {"experts": ["linear", "linear"], "train": "em"},
        {"experts": ["linear", "extra_trees"], "pool": "median"},
    ],
    ids=["one expert", "em", "median"],
)
def test_where_the_pool_of_the_mixture_does_not_learn_its_control_does_not(params):
    moe = methods.create("moe_constant", **params).build("regression")
    assert moe.experts == params["experts"]
    assert moe.gate == "constant"
