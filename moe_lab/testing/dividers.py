"""The laws of dividers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab.testing.examples import example_table, example_target
from moe_lab.testing.saving import assert_same, loaded_again

if TYPE_CHECKING:
    from moe_lab.divide.base import Divider


def _divided(divider, X, n_experts=3, seed=0, sample_weight=None):
    y = example_target(X, "regression")
    decides = bool(getattr(divider, "example_params", None))
    return divider.divide(
        X,
        y,
        n_experts=None if decides else n_experts,
        sample_weight=sample_weight,
        random_state=seed,
    )


def check_divider_gives_responsibilities(divider: Divider) -> None:
    """Every row is shared out once: finite, non-negative, rows sum to 1, and no expert is left
    without."""
    X = example_table()
    responsibilities = _divided(divider, X)
    assert responsibilities.shape[0] == len(X)
    assert (responsibilities >= 0).all()
    assert_allclose(responsibilities.sum(axis=1), 1)
    assert (responsibilities.sum(axis=0) > 0).all()


def check_divider_is_seeded(divider: Divider) -> None:
    """The same seed divides alike."""
    X = example_table()
    assert_array_equal(_divided(divider, X), _divided(divider, X))


def check_divider_takes_arrays_and_weights(divider: Divider) -> None:
    """Weights and one expert a row are no hindrance."""
    X = example_table(12)
    responsibilities = _divided(
        divider, X, n_experts=len(X), sample_weight=np.linspace(0.1, 1, len(X))
    )
    assert_allclose(responsibilities.sum(axis=1), 1)


def check_divider_saves(divider: Divider) -> None:
    """It divides alike after it was saved and loaded, to 1e-12."""
    X = example_table()
    assert_same(*(_divided(one, X) for one in (divider, loaded_again(divider))))


DIVIDER_CHECKS = [
    check_divider_gives_responsibilities,
    check_divider_is_seeded,
    check_divider_takes_arrays_and_weights,
    check_divider_saves,
]
