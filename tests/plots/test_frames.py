"""Figures are drawn of frames of any library."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from moe_lab import MoEClassifier, MoERegressor, plots

rng = np.random.default_rng(0)
X = pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60)})
Y = np.abs(X["x"])
LABELS = np.where(X["x"] > 0, "up", "down")
FRAMES = {
    "polars": (pl.from_pandas, pl.Series),
    "pyarrow": (pa.Table.from_pandas, lambda values: pa.chunked_array([values])),
}


@pytest.mark.parametrize("library", FRAMES)
def test_figures_take_frames_of_any_library(library):
    of_frame, of_values = FRAMES[library]
    y, labels = of_values(Y.tolist()), of_values(LABELS.tolist())
    one, both = of_frame(X[["x"]]), of_frame(X)
    moe = MoERegressor("linear", 2, train="em", random_state=0).fit(one, y)
    classifier = MoEClassifier("linear", 2, train="em", random_state=0).fit(both, labels)
    figures = [
        plots.plot_gate(moe, one),
        plots.plot_experts(moe, one, y),
        plots.plot_pool(moe, one, y),
        plots.plot_bands(moe, one, y),
        plots.plot_division(one, y, moe.responsibilities(one, y)),
        plots.plot_trust(classifier, both, columns=("x", "z")),
        plots.plot_regions(classifier, both, labels),
    ]
    assert all(axis.has_data() for figure in figures for axis in figure.axes[:1])
    assert figures[0].axes[0].get_xlabel() == "x"
    for figure in figures:
        plt.close(figure)
