"""Experts of this package: tables as they come, any class codes, seeds, early stopping."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab.registry import experts

FAMILIES = [
    "lightgbm", "xgboost", "catboost", "extra_trees", "k_nearest", "mlp", "sparse_moe", "tabm"
]  # fmt: skip
SMALL = {
    "mlp": {"max_epochs": 5},
    "sparse_moe": {"max_epochs": 5, "n_experts": 4, "width": 16},
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
        ("sparse_moe", "torch"),
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
