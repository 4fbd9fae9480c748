"""Dividers: random starts that weights cannot tell from rows, clusters, trees, columns, rules."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import entr

from moe_lab.divide import kmeans
from moe_lab.registry import dividers


def table(n_samples=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, 3)), rng.normal(size=n_samples)


def divide(name, X, y, n_experts=None, params=(), **kwargs):
    return dividers.create(name, **dict(params)).divide(X, y, n_experts=n_experts, **kwargs)


@pytest.mark.parametrize("classes", [False, True])
def test_random_start_treats_weights_as_repeated_rows(classes):
    X, y = table()
    y = np.digitize(y, [-0.5, 0.5]) if classes else y
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    again = np.repeat(np.arange(len(y)), weight)
    weighted = divide("random", X, y, 3, sample_weight=weight, random_state=0)
    repeated = divide("random", X[again], y[again], 3, random_state=0)
    assert_allclose(weighted[again], repeated, rtol=1e-9)


def test_random_start_ignores_rows_of_weight_zero():
    X, y = table()
    weight = np.repeat([1.0, 0.0], 30)
    weighted = divide("random", X, y, 3, sample_weight=weight, random_state=0)
    assert_allclose(weighted[:30], divide("random", X[:30], y[:30], 3, random_state=0), rtol=1e-9)


@pytest.mark.parametrize("n_experts", [1, 2, 7, 60])
def test_random_start_gives_every_expert_the_same_weight(n_experts):
    X, y = table()
    responsibilities = divide("random", X, y, n_experts, random_state=3)
    assert_allclose(responsibilities.sum(axis=1), 1)
    assert_allclose(responsibilities.mean(axis=0), 1 / n_experts, rtol=0.05)


def test_random_start_is_asymmetric_and_seeded():
    X, y = table()
    first, same, other = (divide("random", X, y, 2, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.5
    assert np.abs(first - 0.5).mean() > 0.2


def test_random_start_reads_the_target():
    X, y = np.zeros((50, 1)), np.linspace(-1, 1, 50)
    responsibilities = divide("random", X, y, 2, random_state=0)
    assert np.ptp(responsibilities[:, 0]) > 0.9


def test_random_start_does_not_depend_on_units():
    X, y = table()
    scaled = divide("random", X * [1e-6, 1, 1e6] + 5, y * 1e3 - 7, 3, random_state=0)
    assert_allclose(scaled, divide("random", X, y, 3, random_state=0), rtol=1e-6)


def test_sharper_random_starts_are_harder():
    X, y = table()
    entropies = [
        entr(divide("random", X, y, 3, {"sharpness": s}, random_state=0)).sum() for s in (0.5, 2, 8)
    ]
    assert entropies == sorted(entropies, reverse=True)


@pytest.mark.parametrize("many", [kmeans.MANY, 10], ids=["kmeans", "minibatches"])
def test_kmeans_finds_two_clusters(monkeypatch, many):
    monkeypatch.setattr(kmeans, "MANY", many)
    side = np.repeat([0, 1], 30)
    X = pd.DataFrame({"x": side * 10 + table()[1], "colour": np.where(side, "red", "blue")})
    responsibilities = divide("kmeans", X, None, 2, random_state=0)
    assert set(responsibilities.ravel()) == {0.0, 1.0}
    assert_array_equal(responsibilities[:, 0], responsibilities[0, 0] == (side == 0))


def test_kmeans_heeds_weights():
    X = np.array([[0.0], [1.0], [10.0]])
    far, near = (
        divide("kmeans", X, None, 2, sample_weight=weight, random_state=0).argmax(axis=1)
        for weight in ([1, 1, 1], [1000, 1000, 1e-3])
    )
    assert far[0] == far[1] != far[2]
    assert near[0] != near[1] == near[2]


def test_a_gaussian_mixture_sees_that_clusters_differ_in_size():
    rng = np.random.default_rng(0)
    wide = np.repeat([True, False], [400, 400])
    X = np.where(wide, rng.normal(0, 5, size=800), rng.normal(4, 0.2, size=800))[:, None]
    soft = divide("gaussian_mixture", X, None, 2, random_state=0)
    right = max(np.mean(soft.argmax(axis=1) == wide), np.mean(soft.argmax(axis=1) != wide))
    assert right > 0.95
    assert 0.005 < soft.min(axis=1).mean() < 0.2  # rows between the two belong to both


@pytest.mark.parametrize("on_target", [False, True])
def test_a_gaussian_mixture_treats_weights_as_repeated_rows(on_target):
    X, y = table(80)
    X[:40] += 3
    weight, params = np.random.default_rng(1).integers(1, 4, 80), {"on_target": on_target}
    again = np.repeat(np.arange(80), weight)
    one = divide("gaussian_mixture", X, y, 2, params, sample_weight=weight, random_state=0)
    other = divide("gaussian_mixture", X[again], y[again], 2, params, random_state=0)
    same_order = (one[0, 0] > 0.5) == (other[0, 0] > 0.5)
    assert_allclose(one[again], other if same_order else other[:, ::-1], atol=1e-3)


@pytest.mark.parametrize("classes", [False, True])
def test_only_with_the_target_a_gaussian_mixture_parts_what_overlaps_in_x(classes):
    x = np.linspace(-1, 1, 200)
    side = np.arange(200) % 2
    y = side if classes else (2 * side - 1) * (1 + 0.1 * x)
    apart = []
    for on_target in (False, True):
        params = {"on_target": on_target}
        first = divide("gaussian_mixture", x[:, None], y, 2, params, random_state=0)[:, 0]
        apart.append(abs(first[side == 0].mean() - first[side == 1].mean()))
    assert apart[0] < 0.1
    assert apart[1] > 0.9


@pytest.mark.parametrize("classes", [False, True])
def test_a_tree_divides_where_the_target_changes(classes):
    X = table(300)[0]
    region = np.digitize(X[:, 1], [-0.5, 0.5])
    y = np.array([3, 0, 1])[region] if classes else np.array([5.0, -5.0, 2.0])[region]
    parts = divide("tree", X, y, 3, random_state=0)
    assert set(parts.ravel()) == {0.0, 1.0}
    assert len(np.unique(np.column_stack([parts.argmax(axis=1), region]), axis=0)) == 3


def test_a_tree_heeds_weights():
    X, y = np.array([[0.0], [1], [2], [3]]), np.array([0.0, 9, 10, 20])
    first, last = (
        divide("tree", X, y, 2, {"min_share": 0}, sample_weight=weight, random_state=0)
        for weight in ([9, 9, 1, 0.1], [0.1, 1, 9, 9])
    )
    assert first[0].argmax() != first[1].argmax() == first[3].argmax()
    assert last[0].argmax() == last[2].argmax() != last[3].argmax()


def test_no_part_of_a_tree_is_one_outlier():
    X, y = table(100)
    y[X[:, 0].argmax()] = 1e3
    alone, not_alone = (divide("tree", X, y, 2, {"min_share": s}).sum(axis=0) for s in (0, 0.1))
    assert alone.min() == 1
    assert not_alone.min() >= 5


SAME = pd.DataFrame({"x": [1.0, 1.0, 2.0, 2.0], "y": ["a", "a", "b", "b"]})


@pytest.mark.parametrize(
    ("name", "n_experts", "message"),
    [
        ("kmeans", 3, "n_experts=3 and 2 distinct rows. Use fewer experts"),
        ("gaussian_mixture", 3, "n_experts=3 and 2 distinct rows. Use fewer experts"),
        ("gaussian_mixture", None, "got n_experts=None"),
        ("tree", 3, "n_experts=3 and 2 leaves. Use fewer experts"),
        ("tree", None, "n_experts must be at least 1"),
    ],
)
def test_more_experts_than_rows_that_differ_is_an_error(name, n_experts, message):
    with pytest.raises(ValueError, match=message):
        divide(name, SAME, np.arange(4.0), n_experts)


COLOURS = pd.DataFrame({"colour": ["red", "blue", None, "red"], "x": [1.0, 2.0, 3.0, 4.0]})


def test_a_column_gives_each_level_an_expert():
    assert_array_equal(
        divide("column", COLOURS, None, params={"column": "colour"}),
        [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]],
    )


def test_rules_give_each_rule_an_expert_and_the_rest_one_more():
    some, every = ["x < 2", "x < 4"], ["x < 2", "x >= 2"]
    assert_array_equal(
        divide("rules", COLOURS, None, params={"rules": some}).argmax(axis=1), [0, 1, 1, 2]
    )
    assert divide("rules", COLOURS, None, 2, {"rules": every}).shape == (4, 2)


@pytest.mark.parametrize(
    ("name", "params", "n_experts", "message"),
    [
        ("random", {}, None, "n_experts must be at least 1"),
        ("random", {"sharpness": 0}, 2, "sharpness must be positive, got sharpness=0"),
        ("kmeans", {}, 5, "got n_experts=5 and n_samples=4"),
        ("kmeans", {}, None, "got n_experts=None"),
        ("column", {"column": "color"}, None, "Unknown column 'color'. Did you mean 'colour'"),
        ("column", {"column": "colour"}, 2, "got n_experts=2 and 3 levels of 'colour': blue, red,"),
        ("rules", {"rules": ["x < 0", "x > 0"]}, None, "got none for 'x < 0'"),
        ("rules", {"rules": ["x > 0", "x > 2"]}, None, "got none for 'x > 2'"),
        ("rules", {"rules": ["x < 3"]}, 3, "None or 2, got n_experts=3 and 1 rules and the rows"),
        ("rules", {"rules": ["x > 0"]}, 2, "None or 1, got n_experts=2 and 1 rules which hold"),
        ("rules", {"rules": ["y > 0"]}, None, "Unknown column 'y'"),
    ],
)
def test_what_cannot_be_divided_is_an_error(name, params, n_experts, message):
    with pytest.raises(ValueError, match=message):
        divide(name, COLOURS, np.zeros(4), n_experts, params)


def test_a_measurement_does_not_make_a_hundred_experts():
    X = pd.DataFrame({"x": np.arange(200.0)})
    with pytest.raises(ValueError, match="at most 100 levels, got 200 in 'x'.*rules"):
        divide("column", X, None, params={"column": "x"})
