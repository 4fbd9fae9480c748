"""Figures: what they show can be read off them, and pyplot keeps none."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from moe_lab import MoERegressor
from moe_lab.bench import plot_cost, plot_scores
from moe_lab.plots import plot_climb, plot_gate_weights, plot_trust


@pytest.fixture
def scores() -> pd.DataFrame:
    """Two data sets and ten methods, the last one best."""
    rows = [
        {"dataset": name, "method": f"method_{k}", "fold": fold, "score": 10.0 - k + 0.1 * fold}
        for name in ("first", "second")
        for k in range(10)
        for fold in range(3)
    ]
    fixed = {"task": "regression", "metric": "rmse", "n_folds": 3, "seed": 0}
    seconds = {"fit_seconds": 0.5, "fit_cpu_seconds": 0.4, "predict_seconds": 0.1}
    return pd.DataFrame(rows).assign(**fixed, **seconds, n_train=20, n_test=10)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=80), "z": rng.normal(size=80)})


@pytest.fixture(scope="module")
def fitted(table) -> MoERegressor:
    moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    return moe.fit(table, np.abs(table["x"]))


@pytest.fixture(autouse=True)
def nothing_stays_open():
    before = plt.get_fignums()
    yield
    assert plt.get_fignums() == before


def test_scores_are_drawn_best_first_with_every_fold(scores):
    left, right = plot_scores(scores).axes

    assert [left.get_title(), right.get_title()] == ["first", "second"]
    ticks = [tick.get_text() for tick in left.get_yticklabels()]
    assert ticks == [f"method_{k}" for k in range(9, -1, -1)]
    assert left.get_xlabel() == "rmse (unit of the target; lower is better)"
    folds = np.concatenate([points.get_offsets()[:, 0] for points in left.collections[:10]])
    expected = scores.loc[scores["dataset"] == "first", "score"]
    assert sorted(folds) == pytest.approx(sorted(expected))


def test_cost_has_one_point_a_method_and_one_legend(scores):
    figure = plot_cost(scores)

    assert all(len(axis.collections) == 10 for axis in figure.axes)
    (legend,) = figure.legends
    assert len({text.get_text() for text in legend.get_texts()}) == 10
    assert figure.axes[0].get_xscale() == "log"


def test_gate_weights_show_every_expert(fitted, table):
    weights, most = plot_gate_weights(fitted, table).axes

    assert [tick.get_text() for tick in weights.get_yticklabels()] == ["expert 0", "expert 1"]
    means = next(line for line in weights.lines if line.get_marker() == "D").get_xdata()
    assert means == pytest.approx(fitted.gate_weights(table).mean(axis=0))
    assert sum(bar.get_width() for bar in most.patches) == pytest.approx(100)


def test_trust_colours_each_row_by_its_most_trusted_expert(fitted, table):
    figure = plot_trust(fitted, table, ["x", "z"])

    (axis,) = figure.axes
    drawn = axis.collections[0]
    best = fitted.gate_weights(table).argmax(axis=1)
    colors = {tuple(np.round(color[:3], 3)) for color in drawn.get_facecolors()}
    assert len(drawn.get_offsets()) == 80
    assert len(colors) == len(np.unique(best)) == 2
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x", "z")


def test_trust_falls_back_on_components_or_on_the_only_column(fitted, table):
    assert "principal component 1" in plot_trust(fitted, table).axes[0].get_xlabel()

    single = table[["x"]]
    moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    (axis,) = plot_trust(moe.fit(single, np.abs(single["x"])), single).axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x", "gate weight")


def test_trust_draws_categories(table):
    mixed = table.assign(colour=pd.Categorical(np.where(table["z"] > 0, "red", "blue")))
    moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    fitted = moe.fit(mixed, np.abs(mixed["x"]))

    (axis,) = plot_trust(fitted, mixed, ["x", "colour"]).axes

    assert {tick.get_text() for tick in axis.get_yticklabels()} == {"red", "blue"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["x", "zz"], r"Unknown column 'zz'. Did you mean 'z'\? Columns: x, z."),
        ("x", "columns must be a pair of column names"),
        (["x"], "columns must be a pair of column names"),
    ],
)
def test_a_misspelt_column_is_told(fitted, table, columns, message):
    with pytest.raises(ValueError, match=message):
        plot_trust(fitted, table, columns)


def test_every_start_of_em_is_drawn_from_its_own_first_round(fitted):
    history = fitted.history_
    (axis,) = plot_climb(history).axes

    assert len(axis.lines) == history["start"].nunique() == 10
    for line, (_, rounds) in zip(axis.lines, history.groupby("start"), strict=True):
        assert list(line.get_xdata()) == list(range(1, len(rounds) + 1))
        assert list(line.get_ydata()) == list(rounds["log_likelihood"])


def test_weights_that_are_the_same_everywhere_are_bars_and_words():
    from moe_lab import MoEClassifier

    X = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 3)), columns=list("abc"))
    y = (X["a"] > 0).astype(int)
    moe = MoEClassifier(["linear", "k_nearest"], random_state=0).fit(X, y)
    for figure in (plot_trust(moe, X), plot_gate_weights(moe, X)):
        weights = figure.axes[0]
        assert weights.get_title() == "The gate's weights are the same for every row"
        widths = [bar.get_width() for bar in weights.patches]
        np.testing.assert_allclose(widths, moe.gate_weights(X)[0])
    moves = plot_trust(moe, X).axes[1]
    np.testing.assert_allclose(
        [bar.get_width() for bar in moves.patches], moe.trust(X).abs().mean()
    )
    assert [label.get_text() for label in moves.get_yticklabels()][-1] == "correction"
