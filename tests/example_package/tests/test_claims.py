"""What the plugins of this package alone claim; `moe-lab plugins check` runs the laws."""

import numpy as np
import pytest

from moe_lab.registry import experts, gates

X = np.linspace(-1, 1, 60)[:, None]


def test_an_outlier_does_not_bend_the_line():
    y = 2 * X[:, 0]
    y[-1] = 100.0
    fitted = experts.create("huber").build("regression").fit(X, y)
    assert fitted.predict([[0.5]]) == pytest.approx([1.0], abs=0.1)


def test_each_side_trusts_its_own_expert():
    left = (X[:, 0] < 0).astype(float)
    weights = gates.create("near").fit(X, np.column_stack([left, 1 - left])).predict_proba(X)
    assert weights[0, 0] > 0.6
    assert weights[-1, 1] > 0.6
