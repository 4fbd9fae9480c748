"""Figures over data sets: twenty by twenty stay readable."""

import numpy as np
import pandas as pd

from moe_lab.plots.ranks import draw_differences, draw_ranks

LONG = "moe(experts=linear+lightgbm+extra_trees+k_nearest, gate=boosted, train=em)"
NAMES = [LONG, *(f"GradientBoostingRegressor_{k}" for k in range(19))]


def test_slanted_names_have_room_beside_each_other(looks):
    table = pd.DataFrame(np.arange(400.0).reshape(20, 20), [f"s{k}" for k in range(20)], NAMES)
    figure = draw_differences(table, "loss")
    looks.boxes(looks.all_texts(figure))  # lays the figure out
    axis = figure.axes[0]
    room = axis.bbox.width / 20 * np.sin(np.pi / 4)
    for label in axis.get_xticklabels():
        label.set_rotation(0)
        assert label.get_window_extent().height <= room


def test_names_beside_the_ranks_do_not_overlap(looks):
    ranks = pd.Series(np.arange(1.0, 21.0), NAMES)
    figure = draw_ranks(ranks, pd.DataFrame(1.0, NAMES, NAMES), 5.0)
    texts = [text for text in looks.all_texts(figure) if "(" in text.get_text()]
    assert len(texts) >= 20
    assert looks.overlaps(looks.boxes(texts)) == 0
