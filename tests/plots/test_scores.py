"""Figures of comparisons: nothing is cut, nothing lies on something else."""

import numpy as np
import pandas as pd
import pytest

from moe_lab.bench import plot_cost, plot_scores

LONG = "moe(experts=linear+lightgbm+extra_trees+k_nearest+xgboost, gate=boosted, train=em)"
LONG += " against everything else that can be thought of"


def scores(methods, sets=("first",), seconds=None, score=None) -> pd.DataFrame:
    """Made-up scores, three folds each."""
    rows = [
        {"dataset": name, "method": method, "fold": fold}
        | {"score": (10.0 - k if score is None else score) + 0.1 * (fold - 1)}
        | {"fit_seconds": 1.0 + k if seconds is None else seconds}
        for name in sets
        for k, method in enumerate(methods)
        for fold in range(3)
    ]
    fixed = {"task": "regression", "metric": "rmse", "n_folds": 3, "seed": 0}
    fixed |= {"fit_cpu_seconds": 0.4, "predict_seconds": 0.1, "n_train": 20, "n_test": 10}
    return pd.DataFrame(rows).assign(**fixed)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_the_first_and_the_last_row_are_whole(count):
    figure = plot_scores(scores([f"method_{k}" for k in range(count)]))
    (axis,) = figure.axes
    figure.draw_without_rendering()
    frame = axis.get_window_extent()
    for points in axis.collections[:count]:
        places = axis.transData.transform(points.get_offsets())
        assert (abs(places[:, 1] - frame.y0) > 4).all()
        assert all(frame.y0 < y < frame.y1 for y in places[:, 1])


@pytest.mark.parametrize("draw", [plot_scores, plot_cost])
@pytest.mark.parametrize("sets", [("first",), ("first", "second", LONG)], ids=["one", "three"])
def test_a_long_name_leaves_a_plot_and_is_whole(draw, sets, looks):
    figure = draw(scores(["linear", LONG, "x" * 90, *(f"method_{k}" for k in range(6))], sets))
    texts = looks.all_texts(figure)
    frame = figure.bbox
    for axis in figure.axes:
        assert axis.get_window_extent().width / figure.dpi > 2.0
        assert axis.get_window_extent().height / figure.dpi > 2.0
        assert looks.overlaps(looks.boxes(axis.get_yticklabels())) == 0
        assert looks.overlaps(looks.boxes(axis.get_xticklabels())) == 0
    assert all(looks.is_inside(box, frame) for box in looks.boxes(texts))


def test_equal_points_are_all_seen():
    figure = plot_cost(scores([f"method_{k}" for k in range(14)], seconds=0.5, score=3.0))
    (axis,) = figure.axes
    figure.draw_without_rendering()
    points = axis.collections
    places = [p.get_offset_transform().transform(p.get_offsets())[0] for p in points]
    apart = np.linalg.norm(np.array(places)[:, None] - places, axis=-1) * 72 / figure.dpi
    size = np.sqrt(points[0].get_sizes()[0])
    assert len(points) == 14
    assert apart[np.triu_indices(14, 1)].min() > size
    true = axis.transData.transform([0.5, 3.0])
    assert np.linalg.norm(places - true, axis=1).max() * 72 / figure.dpi < 40
    assert len(axis.texts) == 13  # a line from each that was moved to its place


def test_points_that_do_not_meet_are_not_moved():
    (axis,) = plot_cost(scores(["a", "b", "c"])).axes
    assert not axis.texts
    assert all(p.get_offset_transform() == axis.transData for p in axis.collections)


def test_a_method_has_one_sign_in_the_figures_of_all_data_sets():
    few, all_of_them = scores(["b", "c"]), ["a", "b", "c"]
    one = plot_cost(scores(all_of_them)).axes[0].collections
    other = plot_cost(few, methods=all_of_them).axes[0].collections
    by_name = {p.get_label(): tuple(p.get_facecolor()[0]) for p in one}
    assert {p.get_label(): tuple(p.get_facecolor()[0]) for p in other}.items() <= by_name.items()


def test_names_with_signs_of_formulas_are_written_as_they_are(looks):
    for draw in (plot_scores, plot_cost):
        figure = draw(scores(["a$x_1$", "b"], sets=["cost_$"]))
        texts = [text for text in looks.all_texts(figure) if "$" in text.get_text()]
        assert {text.get_text() for text in texts} == {"a$x_1$", "cost_$"}
        assert not any(text.get_parse_math() for text in texts)


def test_a_method_without_scores_does_not_spoil_the_figure(looks):
    table = scores(["a", "b"])
    table.loc[table["method"] == "b", ["score", "fit_seconds"]] = np.nan
    for draw in (plot_scores, plot_cost):
        assert {"a", "b"} <= {text.get_text() for text in looks.all_texts(draw(table))}
