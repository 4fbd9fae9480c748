"""What all figures share: colours that can be told apart, ticks that do not touch, long names."""

import re
from pathlib import Path

import numpy as np
import pytest

import moe_lab
from moe_lab.plots.style import PALETTE, colors, log_ticks, new_figure, signs, wrapped

# Machado, Oliveira & Fernandes (2009): linear RGB as seen without red, green or blue cones.
VISIONS = {
    "all cones": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def nearest(colors, vision):
    """Return the CIELAB distance of the two colours that are hardest to tell apart."""
    colors = np.asarray(colors)
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(VISIONS[vision]), 0, 1)
    x, y, z = np.cbrt(seen @ TO_XYZ.T / WHITE).T
    lab = np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    apart = np.linalg.norm(lab[:, None] - lab, axis=-1)
    return apart[np.triu_indices(len(lab), 1)].min()


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("count", "least"), [(4, 40), (10, 20), (len(PALETTE), 12)])
def test_colours_are_told_apart_with_and_without_all_cones(vision, count, least):
    assert nearest(colors(count), vision) > least


def test_an_expert_keeps_its_colour_however_many_there_are():
    many = colors(3 * len(PALETTE))
    assert np.array_equal(colors(3), many[:3])
    assert len(np.unique(many.round(6), axis=0)) == len(many)
    assert ((many >= 0) & (many <= 1)).all()


def test_no_two_methods_have_one_sign():
    found = signs([f"method {k}" for k in range(60)])
    assert len({(*sign["color"], sign["marker"]) for sign in found.values()}) == 60


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.5, 0.51), (1, 3), (0.02, 9), (0.001, 900), (1e-4, 1e6), (1e-9, 1e9), (98, 103), (3, 3)],
)
def test_ticks_of_a_logarithmic_axis_do_not_touch(low, high, looks):
    figure, (axis,) = new_figure(width=4.6, height=3.0)
    axis.plot([low, high], [0, 1])
    log_ticks(axis.xaxis)
    figure.draw_without_rendering()
    labels = [label for label in axis.get_xticklabels() if label.get_text()]
    assert 2 <= len(labels) <= 6
    assert looks.overlaps(looks.boxes(labels)) == 0
    assert len({label.get_text() for label in labels}) == len(labels)
    assert axis.get_xscale() == "log"


@pytest.mark.parametrize(
    "name", ["moe(experts=linear+lightgbm, gate=softmax)", "x" * 200, "GradientBoostingRegressor"]
)
def test_a_long_name_is_broken_and_nothing_is_lost(name):
    lines = wrapped(name, 12).split("\n")
    assert max(map(len, lines)) <= 12
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")


def test_a_short_name_stays_as_it_is():
    assert wrapped("k_nearest") == "k_nearest"
    assert wrapped("linear 0") == "linear 0"


def test_colours_come_from_one_place():
    package = Path(moe_lab.__file__).parent
    own = re.compile(r"color_palette|[\"']C\d[\"']|tab10|#[0-9a-f]{6}")
    found = {path for path in package.rglob("*.py") if own.search(path.read_text("utf-8"))}
    assert found == {package / "plots" / "style.py", package / "plots" / "one_column.py"}  # bands
