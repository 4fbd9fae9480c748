"""Experts of this package: tables as they come, any class codes, seeds, early stopping."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from moe_lab.experts import _net
from moe_lab.experts._net import NetClassifier, NetRegressor
from moe_lab.registry import experts

FAMILIES = ["lightgbm", "xgboost", "catboost", "extra_trees", "k_nearest", "mlp", "tabm"]
SMALL = {
    "mlp": {"max_epochs": 5},
    "tabm": {"max_epochs": 5, "n_members": 4, "width": 16},
    "catboost": {"n_estimators": 50},
}


def built(name, task, seed=0, **params):
    expert = experts.create(name, **SMALL.get(name, {}) | params)
    return expert.build(task, n_classes=3, random_state=seed)


def mixed_table(n_samples=80):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=n_samples), "flag": rng.random(n_samples) < 0.5})
    X["[text] <1>"] = rng.choice(["a", "b", None], n_samples)
    X["category"] = pd.Categorical(rng.integers(0, 3, n_samples))
    X["date"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n_samples), unit="D")
    X["empty"] = pd.Series([None] * n_samples, dtype=object)
    X.loc[::7, "x"] = np.nan
    return X


@pytest.mark.parametrize("name", FAMILIES)
def test_any_table_can_be_learnt_and_new_levels_met(name):
    X = mixed_table()
    y = X["x"].fillna(0) + X["flag"]
    model = built(name, "regression").fit(X, y)
    new = X.assign(category=9, empty="no longer")
    new["[text] <1>"] = "new"
    assert np.isfinite(model.predict(new)).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_class_codes_may_have_gaps(name):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = 2 * (X[:, 0] > 0)
    model = built(name, "classification").fit(X, y)
    assert_array_equal(model.classes_, [0, 2])
    assert model.predict_proba(X).shape == (60, 2)
    assert set(model.predict(X)) <= {0, 2}


@pytest.mark.parametrize("name", FAMILIES)
def test_one_class_is_certain(name):
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = built(name, "classification").fit(X, np.full(30, 2))
    assert_array_equal(model.classes_, [2])
    assert_allclose(model.predict_proba(X), np.ones((30, 1)))


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("n_samples", [1, 2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_handful_of_rows_is_enough(name, n_samples, task):
    X, y = mixed_table().iloc[:n_samples], np.array([0, 2, 1])[:n_samples]
    weight = np.array([1.0, 1e-9, 3.0])[:n_samples]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = built(name, task).fit(X, y, sample_weight=weight)
    assert np.isfinite(model.predict(mixed_table())).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_of_weight_zero_teach_nothing(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    y, weight = np.where(np.arange(200) < 100, 0.0, 100.0), np.repeat([1.0, 0.0], 100)
    model = built(name, "regression").fit(X, y, sample_weight=weight)
    assert np.abs(model.predict(X)).max() < 1


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_params_reach_the_booster_and_win(name):
    expert = experts.create(name, n_estimators=7, params={"max_depth": 2, "learning_rate": 0.5})
    parameters = expert.build("regression").model.trees.get_params()
    depth = "depth" if name == "catboost" else "max_depth"
    assert (parameters["n_estimators"], parameters[depth]) == (7, 2)
    assert parameters["learning_rate"] == 0.5


@pytest.mark.parametrize(
    ("name", "misspelt", "meant"),
    [
        ("lightgbm", "num_leafs", "num_leaf"),
        ("xgboost", "max_dept", "max_depth"),
        ("catboost", "l2_leaf_regg", "l2_leaf_reg"),
    ],
)
def test_a_misspelt_parameter_is_named(name, misspelt, meant):
    with pytest.raises(ValueError, match=f"'{misspelt}' of {name}. Did you mean '{meant}'"):
        experts.create(name, params={misspelt: 3}).build("regression")


def test_lightgbm_takes_any_of_its_own_names():
    expert = experts.create("lightgbm", params={"feature_fraction": 0.5, "linear_tree": True})
    assert expert.build("regression").model.trees.get_params()["feature_fraction"] == 0.5


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("lightgbm", "lightgbm"),
        ("xgboost", "xgboost"),
        ("catboost", "catboost"),
        ("mlp", "torch"),
        ("tabm", "tabm"),
    ],
)
def test_a_missing_package_says_how_to_get_it(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"{package} is not installed; run pip install {package}"):
        experts.create(name).build("regression")


def test_heavy_packages_are_imported_only_to_build():
    code = (
        "import sys; from moe_lab.registry import experts; "
        f"[experts.create(name) for name in {FAMILIES}]; "
        "heavy = {'torch', 'lightgbm', 'xgboost', 'catboost', 'tabm'}; "
        "assert not heavy & set(sys.modules), 'imported too early'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def wave(n_samples=400):
    X = np.random.default_rng(0).uniform(-2, 2, size=(n_samples, 1))
    return X, np.sin(3 * X[:, 0])


def test_mlp_learns_a_wave():
    X, y = wave()
    model = experts.create("mlp").build("regression", random_state=0).fit(X, 1e6 * y + 1e9)
    assert np.std(model.predict(X) - 1e9 - 1e6 * y) < 0.1 * 1e6 * y.std()


def test_mlp_learns_two_spirals_of_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, 4)
    model = experts.create("mlp").build("classification", random_state=0).fit(X, y)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert np.mean(model.predict(X) == y) > 0.9


def test_mlp_heeds_fractional_weights():
    X = np.zeros((100, 1))
    y = np.repeat([0, 1], 50)
    weight = np.repeat([0.02, 0.08], 50)
    model = NetClassifier(max_epochs=60, random_state=0).fit(X, y, sample_weight=weight)
    assert_allclose(model.predict_proba(X[:1]), [[0.2, 0.8]], atol=0.1)


def test_mlp_is_seeded_and_leaves_torch_alone():
    import torch

    X, y = wave(60)
    before, n_threads = torch.get_rng_state(), torch.get_num_threads()
    first, again, other = (
        NetRegressor(max_epochs=3, random_state=seed).fit(X, y).predict(X) for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == n_threads


def test_mlp_keeps_its_best_epoch():
    X, y = wave(200)
    noisy = y + np.random.default_rng(1).normal(size=200)
    model = NetRegressor(learning_rate=0.03, max_epochs=40, patience=5, random_state=0)
    model.fit(X, noisy)
    assert model.best_epoch_ == int(np.argmin(model.history_))
    assert len(model.history_) == model.best_epoch_ + 6
    only = NetRegressor(learning_rate=0.03, max_epochs=model.best_epoch_ + 1, random_state=0)
    assert_allclose(only.fit(X, noisy).predict(X), model.predict(X), rtol=1e-5)


def test_mlp_pickles_its_weights_on_the_cpu():
    X, y = wave(40)
    model = NetRegressor(max_epochs=2, random_state=0).fit(X, y)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.predict(X), model.predict(X))
    assert {parameter.device.type for parameter in copied.net_.parameters()} == {"cpu"}


def interrupt_in_epoch(monkeypatch, number):
    whole, calls = _net.Net._one_epoch, []

    def one_epoch(self, *args):
        calls.append(None)
        if len(calls) == number:
            raise KeyboardInterrupt
        whole(self, *args)

    monkeypatch.setattr(_net.Net, "_one_epoch", one_epoch)


def test_ctrl_c_under_the_progress_bar_keeps_the_best_weights(monkeypatch, capsys):
    X, y = wave(60)
    interrupt_in_epoch(monkeypatch, 4)
    model = NetRegressor(random_state=0, verbose=1)
    with pytest.warns(ConvergenceWarning, match="interrupted in epoch 4 of 100"):
        model.fit(X, y)
    assert len(model.history_) == 3
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(("verbose", "epoch"), [(0, 4), (1, 1)])
def test_ctrl_c_without_a_bar_or_a_finished_epoch_goes_through(monkeypatch, verbose, epoch):
    X, y = wave(60)
    interrupt_in_epoch(monkeypatch, epoch)
    with pytest.raises(KeyboardInterrupt):
        NetRegressor(random_state=0, verbose=verbose).fit(X, y)


def test_extra_trees_pass_their_parameters():
    expert = experts.create("extra_trees", n_estimators=5, min_samples_leaf=4)
    parameters = expert.build("classification", random_state=3, n_jobs=2).model.get_params()
    chosen = {"n_estimators": 5, "min_samples_leaf": 4, "random_state": 3, "n_jobs": 2}
    assert {key: parameters[key] for key in chosen} == chosen


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "extra_trees"])
def test_one_thread_unless_more_are_asked_for(name):
    models = [experts.create(name).build("regression", n_jobs=n_jobs).model for n_jobs in (None, 2)]
    models = [getattr(model, "trees", model).get_params() for model in models]
    threads = "thread_count" if name == "catboost" else "n_jobs"
    assert [parameters[threads] or 1 for parameters in models] == [1, 2]


def test_a_card_says_where_sample_weights_become_a_bootstrap():
    from sklearn.linear_model import HuberRegressor
    from sklearn.neighbors import KNeighborsRegressor

    from moe_lab.registry import Registry

    plugins = Registry("expert")
    plugins.adapter = experts.adapter
    plugins.register("huber", regressor=HuberRegressor)
    plugins.register("neighbours", regressor=KNeighborsRegressor)
    assert plugins.card("huber").notes == ()
    assert "weighted bootstrap" in plugins.card("neighbours").notes[0]
