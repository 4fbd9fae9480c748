"""The scaling benchmark: it measures rounds, and one row for each size."""

from numpy.testing import assert_allclose

from moe_lab.studies.em_speed.scaling import scaling


def test_every_size_is_measured():
    table = scaling([500, 2000], repeats=1)
    assert table.index.tolist() == [500, 2000]
    assert (table["peak_memory"] > 1).all()
    assert_allclose(table["us_per_row"] * table.index / 1e3, table["ms_per_round"])
