"""Figures over one column: lines and colours are those of the mixture."""

import numpy as np
import pandas as pd
import pytest

from moe_lab import MoERegressor, plots
from moe_lab.plots.style import colors


@pytest.fixture(scope="module")
def rows():
    X = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
    return X, X["x"].abs().rename("y")


@pytest.fixture(scope="module")
def fitted(rows):
    return MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(*rows)


def test_a_row_has_the_mixed_colour_of_its_experts(rows):
    sure, shared = [1.0, 0.0], [0.5, 0.5]
    figure = plots.plot_division(*rows, np.array([sure, shared] * 30))

    first, second = figure.axes[0].collections[0].get_facecolors()[:2, :3]
    assert first == pytest.approx(colors(2)[0])
    assert second == pytest.approx(colors(2).mean(axis=0))


def test_expert_lines_are_strong_only_where_the_gate_trusts_them(rows, fitted):
    lines = plots.plot_experts(fitted, *rows).axes[0].lines

    assert len(lines) == 4
    thin, thick = lines[0].get_ydata(), lines[1].get_ydata()
    x = pd.DataFrame({"x": lines[0].get_xdata()})
    trusted = fitted.gate_weights(x)[:, 0] > 0.2
    assert thin == pytest.approx(fitted.expert_predictions(x)[:, 0, 0])
    assert np.array_equal(np.isfinite(thick), trusted)
    assert 0 < trusted.sum() < len(x)


def test_gate_lines_sum_to_one(rows, fitted):
    lines = plots.plot_gate(fitted, rows[0]).axes[0].lines

    assert sum(line.get_ydata() for line in lines) == pytest.approx(1.0)


def test_pooled_line_is_the_prediction(rows, fitted):
    (line,) = plots.plot_pool(fitted, *rows).axes[0].lines

    assert line.get_ydata() == pytest.approx(fitted.predict(pd.DataFrame({"x": line.get_xdata()})))


def test_a_second_column_is_refused(rows, fitted):
    with pytest.raises(ValueError, match="must have one column"):
        plots.plot_pool(fitted, rows[0].assign(z=1), rows[1])
