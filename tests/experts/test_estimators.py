"""Any estimator as an expert: whose it is, what it is given, what of its own it keeps."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.experts.estimator import EstimatorExpert, task_of
from moe_lab.experts.spec import as_expert
from moe_lab.methods import AverageRegressor, MatchedEnsembleRegressor
from moe_lab.registry import experts


class Duck:
    """What scikit-learn's stacking takes, without any base class."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def get_params(self, deep=True):
        return {"shift": self.shift}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.coef_ = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0]
        return self

    def predict(self, X):
        return np.c_[X, np.ones(len(X))] @ self.coef_ + self.shift


class DuckOfClasses(Duck):
    def fit(self, X, y, sample_weight=None):
        self.shares_ = np.bincount(y) / len(y)
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


class Named(Duck):
    _estimator_type = "classifier"


class Unnamed(BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X))


def mixed(n_samples=150):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n_samples, 2)), columns=["a", "b"])
    X["word"] = rng.choice(["u", "v"], n_samples)
    y = X["a"] + (X["word"] == "u") + 0.05 * rng.normal(size=n_samples)
    return X, y.to_numpy(), np.where(y > 0.5, "yes", "no")


def regressor(*listed, **settings):
    return MoERegressor(list(listed), random_state=0, **settings)


def classifier(*listed, **settings):
    return MoEClassifier(list(listed), random_state=0, **settings)


@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        (Duck(), "regression"),
        (DuckOfClasses(), "classification"),
        (Named(), "classification"),
        (Unnamed(), "regression"),
        (Ridge(), "regression"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "classification"),
        (KMeans(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_estimator_says_what_it_is_or_shows_it(estimator, task):
    assert task_of(estimator) == task


def test_whatever_stacking_takes_is_an_expert():
    X, y, labels = mixed()
    moe = regressor(Duck(), "linear").fit(X, y)
    assert moe.score(X, y) > 0.95
    assert moe.expert_names_[:2] == ["Duck", "linear"]
    assert classifier(DuckOfClasses(), "linear").fit(X, labels).score(X, labels) > 0.9
    em = MoERegressor(Duck(), n_experts=2, train=("em", {"max_iter": 2}), random_state=0)
    assert em.fit(X, y).score(X, y) > 0.8
    assert AverageRegressor([Duck()]).fit(X, y).score(X, y) > 0.95


def test_catboost_is_an_expert_as_it_stands_and_by_one_line():
    catboost = pytest.importorskip("catboost")
    X, y, labels = mixed()
    small = {"iterations": 30, "verbose": 0, "allow_writing_files": False}
    assert regressor(catboost.CatBoostRegressor(**small)).fit(X, y).score(X, y) > 0.9
    assert classifier(catboost.CatBoostClassifier(**small)).fit(X, labels).score(X, labels) > 0.9
    experts.register("plain_catboost", regressor=catboost.CatBoostRegressor)
    try:
        assert regressor(("plain_catboost", small)).fit(X, y).score(X, y) > 0.9
    finally:
        del experts._entries["plain_catboost"]


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (object(), "an object with fit, predict and get_params, got an object"),
        (StandardScaler(), "an object with fit, predict and get_params, got an object Stand"),
        (Ridge, "got the class .*Ridge"),
        (3, "got an object 3"),
        (("trees", Ridge()), "To name experts, pass a dict: experts={'trees': ...}"),
        (KMeans(), "must be a classifier or a regressor"),
        (DuckOfClasses(), "For regression, every expert must be a regressor"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_cannot_be_an_expert_is_said(obj, message):
    with pytest.raises(TypeError, match=message):
        as_expert(obj, "regression")


def test_settings_of_ones_own_are_kept():
    X, y, _ = mixed()
    own = RandomForestRegressor(5, random_state=7, n_jobs=2)
    plain = RandomForestRegressor(5)
    own, plain = (one.model_ for one in regressor(own, plain).fit(X, y).experts_[:2])
    assert (own.random_state, own.n_jobs) == (7, 2)
    assert plain.random_state is not None
    assert plain.n_jobs in (None, 1)
    in_pipeline = make_pipeline(StandardScaler(), SGDRegressor(random_state=7))
    fitted = regressor(in_pipeline).fit(X[["a"]], y).experts_[0]
    assert fitted[-1].random_state == 7


@pytest.mark.parametrize("own", [7, np.random.RandomState(7)], ids=["int", "RandomState"])
def test_copies_derive_their_seeds_from_ones_own_and_differ(own):
    X, y, _ = mixed()
    tree = ExtraTreesRegressor(3, max_depth=2, random_state=own)

    def seeds(random_state):
        moe = MoERegressor(tree, n_experts=3, random_state=random_state).fit(X, y)
        return [expert.model_.random_state for expert in moe.experts_[1:]], moe.predict(X)

    (one, predicted), (other, again) = seeds(0), seeds(1)
    assert one == other
    assert len(set(one)) == 2
    assert_allclose(predicted, again)
    members = MatchedEnsembleRegressor(tree, n_members=3, row_share=1.0, column_share=1.0).fit(X, y)
    said = members.expert_predictions(X)[:, :, 0]
    assert (np.ptp(said, axis=1) > 0).any()


def test_seeds_and_threads_go_by_other_names_too():
    catboost = pytest.importorskip("catboost")
    own, plain = catboost.CatBoostRegressor(random_seed=7), catboost.CatBoostRegressor()
    built = [
        EstimatorExpert(regressor=one).build("regression", random_state=3, n_jobs=1).model
        for one in (own, plain)
    ]
    assert built[0].get_params()["random_seed"] == 7
    assert built[1].get_params()["random_state"] == 3
    assert [one.get_params()["thread_count"] for one in built] == [1, 1]


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 8], [False, True]], ids=str)
def test_class_weight_goes_by_label_within_an_expert(labels):
    X, _, words = mixed()
    y = np.array(labels)[(words == "yes").astype(int)]
    heavy = {labels[0]: 1, labels[1]: 50}
    stump = ExtraTreesClassifier(20, max_depth=1, class_weight=heavy)
    inside = make_pipeline(StandardScaler(), LogisticRegression(class_weight=heavy))
    numbers = X[["b"]]
    moe = classifier(stump, inside, gate="constant").fit(numbers, y)
    assert moe.expert_predictions(numbers)[:, :, 1].mean(axis=0).min() > 0.8


def test_class_weight_goes_by_label_on_the_mixture():
    X, _, y = mixed()
    settings = {"n_experts": 2, "train": "em", "random_state": 0}
    moe = MoEClassifier("linear", class_weight={"yes": 5.0}, **settings).fit(X, y)
    weight = np.where(y == "yes", 5.0, 1.0)
    weighted = MoEClassifier("linear", **settings).fit(X, y, sample_weight=weight)
    assert_allclose(moe.predict_proba(X), weighted.predict_proba(X))
    rare = np.r_[np.flatnonzero(y == "no"), np.flatnonzero(y == "yes")[:10]]
    even = MoEClassifier("linear", class_weight="balanced", **settings)
    assert even.fit(X[["b"]].iloc[rare], y[rare]).predict_proba(X[["b"]])[:, 1].mean() > 0.35


@pytest.mark.parametrize("where", ["mixture", "expert"])
def test_class_weight_of_no_class_is_said(where):
    X, _, y = mixed()
    wrong = {"maybe": 5}
    inside = {"class_weight": wrong} if where == "expert" else {}
    moe = classifier(
        LogisticRegression(**inside), class_weight=wrong if where == "mixture" else None
    )
    with pytest.raises(ValueError, match="class_weight must name classes of y .'no', 'yes'., got"):
        moe.fit(X[["a"]], y)


def test_a_fitted_expert_is_used_as_it_is():
    X, y, labels = mixed()
    encode = make_column_transformer((OneHotEncoder(), ["word"]), remainder="passthrough")
    line = make_pipeline(encode, Ridge(random_state=7)).fit(X, y)
    moe = regressor(FrozenEstimator(line), "linear").fit(X[:100], y[:100])
    assert_allclose(moe.expert_predictions(X)[:, 0, 0], line.predict(X))
    assert moe.expert_names_[0] == "Pipeline"
    odds = LogisticRegression().fit(X[["a"]], labels)
    moe = classifier(FrozenEstimator(odds), "linear").fit(X[["a"]], labels)
    assert_allclose(moe.expert_predictions(X[["a"]])[:, 0], odds.predict_proba(X[["a"]]))


def test_a_subclass_that_narrows_its_parameters_is_an_expert():
    class Narrow(RandomForestRegressor):
        def __init__(self):
            super().__init__(n_estimators=5)

    X, y, _ = mixed()
    assert regressor(Narrow(), "linear").fit(X, y).score(X, y) > 0.9
