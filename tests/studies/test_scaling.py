"""The scaling benchmark: it measures rounds, and one row for each size."""

import pytest

from moe_lab.studies.em_speed import scaling as study


def test_every_size_is_measured():
    table = study.scaling([500, 2000], repeats=1)
    assert table.index.tolist() == [500, 2000]
    assert (table["peak_memory"] > 1).all()


def test_seconds_are_the_median_repeat_in_milliseconds_and_per_row(monkeypatch):
    slow = iter([1e-3, 4e-3, 9.0, 9.0, 1e-3, 4e-3])  # the second repeat was disturbed
    monkeypatch.setattr(study, "seconds_per_round", lambda X, y: next(slow))
    monkeypatch.setattr(study, "peak_share", lambda X, y: 2.0)
    table = study.scaling([500, 2000], repeats=3)
    assert table["ms_per_round"].tolist() == pytest.approx([1.0, 4.0])
    assert table["us_per_row"].tolist() == pytest.approx([2.0, 2.0])
