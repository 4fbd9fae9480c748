"""Boosting: experts and gate grown together, an honest noise, a fall-back to the trunk."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.tree import DecisionTreeRegressor

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.gate.boosted import BoostedGate
from moe_lab.testing import example_table, example_target
from moe_lab.train import Boosting
from moe_lab.train.boosting.lockstep import CategoricalExperts, GaussianExperts
from moe_lab.train.boosting.trunk import tree_settings

FEW = ("lightgbm", {"n_estimators": 30})


def heteroscedastic(n_samples=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_samples, 2))
    noise = np.where(X[:, 1] > 0, 1.0, 0.1)
    return X, X[:, 0] + noise * rng.normal(size=n_samples), noise


def boosted(Mixture=MoERegressor, experts=FEW, n_experts=3, **settings):
    return Mixture(experts, n_experts=n_experts, train="boosting", random_state=0, **settings)


def test_the_gate_says_where_the_noise_is_wide():
    X, y, _ = heteroscedastic()
    new, target, noise = heteroscedastic(seed=1)
    moe = boosted().fit(X, y)
    std = moe.predict_distribution(new).std
    assert std[noise == 1.0].mean() > 3 * std[noise == 0.1].mean()
    residuals = target - moe.predict(new)
    constant = -0.5 * np.log(2 * np.pi * np.mean(residuals**2)) - 0.5
    assert moe.score_samples(new, target).mean() > constant + 0.3


def test_the_mean_is_that_of_the_density_and_at_rate_0_that_of_the_trunk():
    X, y, _ = heteroscedastic()
    moe, alone = boosted().fit(X, y), boosted(n_experts=1).fit(X, y)
    assert np.allclose(moe.predict_distribution(X).mean, moe.predict(X))
    assert not np.allclose(moe.predict(X), alone.predict(X))
    still = boosted().set_params(train=Boosting(expert_rate=0)).fit(X, y)
    assert still.n_experts_ == 3
    assert np.allclose(still.predict(X), alone.predict(X))


def test_noise_scales_are_those_of_rows_not_seen():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    y = rng.normal(size=300)  # nothing to learn: what a trunk gains on its own rows is not real
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        std = boosted().fit(X, y).predict_distribution(X).std
    assert std.mean() > 0.93


def test_where_a_mixture_gains_nothing_one_expert_is_left_and_a_warning_says_so():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.integers(2, size=200)
    with pytest.warns(ConvergenceWarning, match="one expert is left"):
        moe = boosted(MoEClassifier).fit(X, y)
    assert moe.n_experts_ == len(moe.experts_) == 1
    assert np.allclose(moe.gate_weights(X), 1)
    assert len(moe.history_) == 1


def test_history_rises_and_counts_the_rounds():
    X, y, _ = heteroscedastic()
    moe = boosted().fit(X, y)
    log_likelihood = moe.history_["log_likelihood"].to_numpy()
    assert len(log_likelihood) > 5
    assert log_likelihood[-1] > log_likelihood[0]
    assert moe.history_["held_out_gain"].iloc[-1] == moe.history_["held_out_gain"].max()


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_of_y_does_not_matter(factor):
    X, y, _ = heteroscedastic(300)
    one, other = boosted().fit(X, y), boosted().fit(X, factor * y)
    assert np.allclose(factor * one.predict(X), other.predict(X), rtol=1e-4, atol=1e-4 * factor)
    gap = one.score_samples(X, y) - other.score_samples(X, factor * y)
    assert np.allclose(gap, np.log(factor), atol=1e-3)
    before, after = (moe.history_["log_likelihood"].iloc[0] for moe in (one, other))
    assert np.isclose(before - after, len(y) * np.log(factor), rtol=1e-4)


def test_the_unit_of_the_weights_does_not_matter():
    X, y, _ = heteroscedastic(300)
    one = boosted().fit(X, y)
    other = boosted().fit(X, y, sample_weight=np.full(300, 1e-3))
    assert np.allclose(one.predict(X), other.predict(X))
    assert np.isclose(
        1e-3 * one.history_["log_likelihood"].iloc[0], other.history_["log_likelihood"].iloc[0]
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_are_those_of_the_log_likelihood(n_classes):
    rng = np.random.default_rng(0)
    trunk = np.log(rng.dirichlet(np.ones(n_classes), size=6))
    y = rng.integers(n_classes, size=6)
    check_gradient(CategoricalExperts(y, trunk, np.ones(6), 2, rate=1.0), rng)


def test_gradients_of_gaussian_experts_are_in_units_of_their_noise():
    rng = np.random.default_rng(0)
    known = rng.normal(size=6), rng.normal(size=(6, 1)), np.ones(6)
    experts = GaussianExperts(*known, scales=np.array([0.5, 2.0]), least=0.1, rate=1.0)
    check_gradient(experts, rng, units=experts.scales**2)


def check_gradient(experts, rng, units=1.0):
    """Hold the slopes against differences of sum_k h_k log p_k."""
    raw = rng.normal(size=(6, experts.n_columns + 2))
    h = rng.dirichlet(np.ones(2), size=6)
    units = np.broadcast_to(units, experts.n_columns)
    expected = np.empty((6, experts.n_columns))
    for j in range(experts.n_columns):
        step = np.zeros(raw.shape[1])
        step[j] = 1e-6
        rise = experts.log_lik(raw + step) - experts.log_lik(raw - step)
        expected[:, j] = -(h * rise).sum(axis=1) / 2e-6 * units[j]
    slopes, curves = experts.gradient(raw, h)
    assert np.allclose(slopes, expected, atol=1e-5)
    assert (curves >= 0).all()


@pytest.mark.parametrize("Mixture", [MoERegressor, MoEClassifier])
def test_every_booster_is_walked_once_and_never_answers_for_another_table(Mixture, monkeypatch):
    X = example_table(300)
    task = "regression" if Mixture is MoERegressor else "classification"
    moe = boosted(Mixture, divide="kmeans").fit(X, example_target(X, task))
    assert moe.n_experts_ == 3
    trees, walks = moe.experts_[0].trees, []
    walk = trees._walk
    monkeypatch.setattr(trees, "_walk", lambda table: walks.append(len(table)) or walk(table))
    ask = moe.predict if task == "regression" else moe.predict_proba
    before = ask(X)
    assert len(walks) == 1 or walks == [300]
    changed = X.copy()
    changed["x0"] = changed["x0"].to_numpy()[::-1]
    assert not np.allclose(ask(changed), before)
    assert np.array_equal(ask(X), before)
    X.loc[:, "x0"] = changed["x0"]  # the same object, other content
    assert np.allclose(ask(X), ask(changed))


def test_an_array_changed_in_place_is_asked_anew():
    X, y, _ = heteroscedastic(300)
    moe = boosted().fit(X, y)
    before = moe.predict(X)
    X[:, 0] *= -1
    assert not np.allclose(moe.predict(X), before)


def test_a_pickle_keeps_experts_and_gate_one():
    X, y, _ = heteroscedastic(300)
    moe = boosted().fit(X, y)
    before = moe.predict(X)
    again = pickle.loads(pickle.dumps(moe))
    assert again.experts_[0].trees is again.gate_.booster_
    assert np.array_equal(again.predict(X), before)


def test_a_divider_gives_the_start():
    X, y, _ = heteroscedastic()
    one, other = boosted().fit(X, y), boosted(divide="kmeans").fit(X, y)
    assert other.n_experts_ == 3
    assert not np.allclose(one.predict(X), other.predict(X))


def test_experts_and_gate_are_the_trainer_s_own_unless_said():
    X, y, _ = heteroscedastic(200)
    moe = MoERegressor(train="boosting", random_state=0).fit(X, y)
    assert moe.n_experts_ == 3
    assert type(moe.gate_) is BoostedGate
    few = boosted(experts=("lightgbm", {"n_estimators": 2}), gate=("boosted", {"n_estimators": 4}))
    few.fit(X, y)
    trees = few.experts_[0].trees
    assert trees.trunk.num_trees() <= 2
    assert len(few.history_) <= 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"experts": "linear"}, "experts must be 'lightgbm'"),
        ({"experts": DecisionTreeRegressor()}, "experts must be 'lightgbm'"),
        ({"experts": ["lightgbm", FEW, FEW]}, "copies of one"),
        (
            {"experts": ("lightgbm", {"params": {"objective": "mae"}})},
            "sets objective, metric and stopping",
        ),
        ({"gate": "softmax"}, "gate must be 'boosted'"),
        ({"gate": ("boosted", {"columns": [0]})}, "without columns"),
        ({"train": Boosting(expert_rate=-1)}, "expert_rate must be"),
        ({"train": Boosting(cv=1)}, "cv must be at least 2"),
    ],
)
def test_what_it_cannot_grow_is_an_error(settings, message):
    X, y, _ = heteroscedastic(60)
    moe = boosted().set_params(**settings)
    with pytest.raises(ValueError, match=message):
        moe.fit(X, y)


def test_a_constant_target_is_predicted_with_a_small_noise():
    X = np.random.default_rng(0).normal(size=(100, 2))
    moe = boosted().fit(X, np.full(100, 3.0))
    assert np.allclose(moe.predict(X), 3.0)
    assert moe.predict_distribution(X).std.max() < 0.2


def test_targets_out_of_all_proportion_are_named():
    X, y, _ = heteroscedastic(300)
    y[7] = 1e6
    with pytest.warns(UserWarning, match="y holds 1 values more than 10000 times"):
        moe = boosted().fit(X, y)
    assert np.isfinite(moe.score_samples(X, y)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_samples", [3, 7, 30])
def test_few_rows_are_enough(n_samples):
    X, y, _ = heteroscedastic(n_samples)
    assert np.isfinite(boosted().fit(X, y).score_samples(X, y)).all()
    proba = boosted(MoEClassifier).fit(X, np.arange(n_samples) % 2).predict_proba(X)
    assert np.allclose(proba.sum(axis=1), 1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_class_of_one_row_and_many_classes():
    X = heteroscedastic(240)[0]
    rare = (X[:, 0] > 0).astype(int)
    rare[0] = 2
    assert boosted(MoEClassifier).fit(X, rare).score(X, rare) > 0.9
    many = boosted(MoEClassifier, experts=("lightgbm", {"n_estimators": 2}))
    proba = many.fit(X, np.arange(240) % 60).predict_proba(X)
    assert proba.shape == (240, 60)
    assert np.allclose(proba.sum(axis=1), 1)


def test_one_group_is_trained_in_sample_with_a_warning():
    X, y, _ = heteroscedastic(100)
    with pytest.warns(UserWarning, match="Too few rows or groups"):
        boosted().fit(X, y, groups=np.zeros(100))


def test_tree_settings_leave_out_what_is_not_of_a_tree():
    from moe_lab.experts.spec import as_expert

    built = as_expert(("lightgbm", {"num_leaves": 5})).build("regression", random_state=1)
    settings, n_rounds = tree_settings([built, built])
    assert (settings["num_leaves"], n_rounds) == (5, 150)
    assert "n_estimators" not in settings
