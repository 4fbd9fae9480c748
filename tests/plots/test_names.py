"""An expert has one name and one colour, whoever speaks of it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from moe_lab import MoEClassifier, MoERegressor, diagnose, inspection, plots
from moe_lab.experts.names import label, numbered
from moe_lab.experts.spec import as_expert
from moe_lab.inspection.coefficients import coefficients
from moe_lab.mixture.names import expert_names
from moe_lab.plots.style import colors

NAMES = ["linear 0", "k_nearest", "linear 1"]


@pytest.fixture(scope="module")
def rows():
    x = np.linspace(-1, 1, 90)
    noise = np.random.default_rng(0).normal(0, 0.1, 90)
    return pd.DataFrame({"x": x}), pd.Series(np.abs(x) + noise, name="y")


@pytest.fixture(scope="module")
def mixed(rows):
    experts, em = ["linear", "k_nearest", "linear"], ("em", {"max_iter": 2})
    return MoERegressor(experts, train=em, random_state=0).fit(*rows)


FIGURES = {
    "weights": lambda moe, X, y: plots.plot_gate_weights(moe, X),
    "trust": lambda moe, X, y: plots.plot_trust(moe, X),
    "tree": lambda moe, X, y: plots.plot_tree(moe, X),
    "division": lambda moe, X, y: plots.plot_division(
        X, y, moe.responsibilities(X, y), expert_names(moe)
    ),
    "experts": plots.plot_experts,
    "gate": lambda moe, X, y: plots.plot_gate(moe, X),
    "bands": plots.plot_bands,
}


def named_colors(figure):
    """Return what a figure says of names: from a name to the colour that stands for it."""
    found = {}
    for legend in [*figure.legends, *(axis.get_legend() for axis in figure.axes)]:
        for handle, text in zip(*(parts(legend)), strict=True):
            found[text] = color_of(handle)
    for axis in figure.axes:
        ticks = [tick.get_text() for tick in axis.get_yticklabels()]
        found |= dict(zip(ticks, map(color_of, axis.patches), strict=False))
        leaves = [text.get_text().rsplit("\n", 1)[0] for text in axis.texts]
        found |= dict(zip(leaves, map(color_of, axis.collections), strict=False))
    return {name: color for name, color in found.items() if name.split(" (")[0] in NAMES}


def parts(legend):
    return (
        (legend.legend_handles, [t.get_text() for t in legend.get_texts()]) if legend else ((), ())
    )


def color_of(handle):
    face = getattr(handle, "get_facecolor", None) or handle.get_color
    color = np.asarray(face(), dtype=object)
    return to_rgb(handle.get_color()) if color.ndim == 0 else tuple(np.ravel(color)[:3])


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_every_figure_has_the_name_and_the_colour(draw, mixed, rows):
    found = named_colors(draw(mixed, *rows))
    assert [name.split(" (")[0] for name in found] == NAMES
    np.testing.assert_allclose(np.array(list(found.values()), float), colors(3), atol=1e-6)


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_no_text_of_a_figure_lies_on_another_or_is_cut(draw, mixed, rows, looks):
    figure = draw(mixed, *rows)
    texts = looks.boxes(looks.all_texts(figure))
    assert looks.overlaps(texts) == 0
    assert all(looks.is_inside(box, figure.bbox) for box in texts)


def test_regions_name_the_experts_that_are_there(looks):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a", "b"])
    moe = MoEClassifier("linear", n_experts=3, train=("em", {"n_init": 1}), random_state=0)
    figure = plots.plot_regions(moe.fit(X, X["a"] * X["b"] > 0), X, X["a"] * X["b"] > 0)
    (legend,) = figure.legends
    shown = np.unique(figure.axes[1].collections[0].get_array().astype(int))
    assert [text.get_text() for text in legend.get_texts()] == [f"expert {k}" for k in shown]
    faces = [tuple(handle.get_facecolor()[0, :3]) for handle in legend.legend_handles]
    np.testing.assert_allclose(faces, colors(3)[shown], atol=1e-6)
    assert looks.overlaps(looks.boxes(looks.all_texts(figure))) == 0


def test_tables_and_words_have_the_names_too(mixed, rows):
    X, y = rows
    assert expert_names(mixed) == NAMES
    assert inspection.usage(mixed, X).index.tolist() == NAMES
    assert inspection.error_by_region(mixed, X, y).columns.tolist()[2:] == NAMES
    rules = str(inspection.retell(mixed, X, max_depth=1))
    assert all(f"{name} ." in rules or f"{name} 1" in rules for name in NAMES)
    assert any(f"The best single expert, {name}:" in str(diagnose(mixed, X, y)) for name in NAMES)


def test_coefficients_have_the_names(rows):
    lines = MoERegressor(["linear", LinearRegression()], train=("em", {"n_init": 1}))
    with pytest.raises(ValueError, match="must be linear, got LinearRegression"):
        coefficients(lines.fit(*rows))
    with pytest.raises(AttributeError, match="got none from LinearRegression"):
        lines.bic(*rows)


def test_a_warning_has_the_name():
    x = np.linspace(-1, 1, 80)
    X, y = pd.DataFrame({"x": x}), 2 * x + 1  # without noise
    moe = MoERegressor([LinearRegression(), "linear"], train=("em", {"max_iter": 5}))
    with pytest.warns(ConvergenceWarning, match="noise scale of LinearRegression.* at its floor"):
        moe.fit(X, y)


def test_there_is_one_way_to_spell_an_expert_and_a_method():
    assert label("linear") == label(as_expert("linear")) == label(("linear", {"alpha": 1.0}))
    assert label(LinearRegression()) == label(as_expert(LinearRegression())) == "LinearRegression"
    several = {"experts": [("linear", {"alpha": 0.5}), LinearRegression()]}
    assert label(("moe", several)) == "moe(experts=linear(alpha=0.5)+LinearRegression())"
    assert numbered(["linear"]) == ["expert 0"]
