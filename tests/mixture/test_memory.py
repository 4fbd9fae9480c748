"""Memory: a fit of a million rows needs little more than its data."""

import tracemalloc

import numpy as np
import pytest

from moe_lab import MoERegressor
from moe_lab.divide.random import RandomDivider
from moe_lab.table import NumericTable
from moe_lab.train import EM

N_EXPERTS = 4


@pytest.fixture(scope="module")
def million():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_000_000, 5))
    return X, np.abs(X[:, 0]) + 0.1 * rng.normal(size=len(X))


def peak_bytes(call):
    """Return the most bytes that were allocated at a time while the call ran."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:EM stopped after max_iter")
def test_em_and_its_quasi_newton_end_need_at_most_three_times_their_data(million):
    X, y = million
    moe = MoERegressor("linear", N_EXPERTS, train=EM(max_iter=12, n_init=1), random_state=0)
    data = X.nbytes + y.nbytes + N_EXPERTS * y.nbytes  # with one array of responsibilities
    assert peak_bytes(lambda: moe.fit(X, y)) <= 3 * data
    assert set(moe.history_["step"]) == {"em", "quasi_newton"}


@pytest.mark.slow
def test_a_random_start_needs_less_than_a_copy_of_the_table(million):
    X, y = million
    divide = RandomDivider().divide
    made = 8 * N_EXPERTS * len(y)
    assert peak_bytes(lambda: divide(X, y, n_experts=N_EXPERTS)) - made < X.nbytes


@pytest.mark.slow
def test_a_standardised_table_is_made_at_once(million):
    X = million[0]
    table = NumericTable()
    assert peak_bytes(lambda: table.fit(X)) < 0.75 * X.nbytes
    assert peak_bytes(lambda: table.transform(X)) < 1.25 * X.nbytes
