"""What experts are told of labels reaches them, whoever holds them and encodes the classes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from moe_lab import MoEClassifier
from moe_lab.bench.comparison import compare
from moe_lab.datasets import Dataset
from moe_lab.experts.labels import by_code, of_codes
from moe_lab.registry import methods

HEAVY = {"yes": 50, "no": 1}  # not in the order of their codes


def heavy():
    return LogisticRegression(class_weight=HEAVY)


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    return X, np.where(X[:, 0] + rng.standard_normal(200) > 0, "yes", "no")


def method(name, **params):
    return methods.create(name, **params).build("classification", random_state=0)


HOLDERS = {
    "average": lambda: method("average", experts=[heavy()]),
    "matched ensemble": lambda: method("matched_ensemble", expert=heavy()),
    "mixture": lambda: method("moe", experts=[heavy(), heavy()], gate="constant"),
    "mixture in a mixture": lambda: MoEClassifier(
        [MoEClassifier([heavy(), heavy()], gate="constant"), heavy()], gate="constant"
    ),
    "method in a mixture": lambda: MoEClassifier(
        [methods.create("average", experts=[heavy()]), heavy()], gate="constant"
    ),
    "vote in a mixture": lambda: MoEClassifier(
        [VotingClassifier([("odds", heavy())], voting="soft"), heavy()], gate="constant"
    ),
    "pair in a mixture": lambda: MoEClassifier(
        [
            ("catboost", {"depth": 1, "n_estimators": 90, "params": {"class_weights": HEAVY}}),
            heavy(),
        ],
        gate="constant",
    ),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_class_weight_goes_by_label_whoever_holds_the_expert(holder, answers):
    X, y = answers
    model = holder().fit(X, y)
    assert model.predict_proba(X)[:, 1].mean() > 0.8  # without the weights: .5
    assert model.expert_predictions(X)[:, :, 1].mean(axis=0).min() > 0.8


def test_class_weight_goes_by_label_in_scikit_learns_stacking(answers):
    X, y = answers
    stacking = method("stacking", experts=[heavy()])
    told = stacking.estimators
    stacking.fit(X, y)
    assert stacking.estimators_[0].predict_proba(X)[:, 1].mean() > 0.8
    assert stacking.estimators is told  # fit leaves parameters as they were


@pytest.mark.parametrize("name", ["stacking", "average"])
def test_class_weight_goes_by_label_in_a_comparison(name, answers):
    X, y = answers
    table = Dataset("answers", pd.DataFrame(X, columns=["a", "b"]), pd.Series(y), "classification")
    line = (name, {"experts": [heavy()]})
    plain = (name, {"experts": [LogisticRegression()]})
    loss = compare({"heavy": line, "plain": plain}, table, folds=2, progress=False)
    loss = loss[loss["metric"] == "log_loss"].groupby("method")["score"].mean()
    assert np.isfinite(loss).all()
    assert name == "stacking" or loss["heavy"] > loss["plain"] + 0.5


def test_a_fitted_classifier_of_labels_is_one_of_codes_wherever_it_stands(answers):
    X, y = answers
    frozen = FrozenEstimator(LogisticRegression().fit(X, y))
    piped = make_pipeline(FrozenEstimator(FunctionTransformer().fit(X)), frozen)
    moe = MoEClassifier([piped, MoEClassifier([frozen, heavy()])], gate="constant").fit(X, y)
    assert np.allclose(moe.expert_predictions(X)[:, 0], frozen.predict_proba(X))


def test_codes_reach_a_grid_and_leave_the_rest_as_it_is():
    classes = np.array(["no", "yes"])
    grid = GridSearchCV(LogisticRegression(), {"class_weight": [HEAVY, None]})
    assert of_codes(grid, classes).param_grid == {"class_weight": [{0: 1, 1: 50}, None]}
    for plain in (LogisticRegression(class_weight="balanced"), ["linear", ("mlp", {})], {"yes": 5}):
        assert of_codes(plain, classes) is plain
    assert by_code({"yes": 3}, classes) == {0: 1.0, 1: 3}
