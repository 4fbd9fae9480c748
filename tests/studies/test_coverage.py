"""The study of coverage: intervals hold about what they say."""

import pytest
from click.testing import CliRunner

from moe_lab.studies import coverage


@pytest.mark.parametrize("design", [(30, 10, 1), (15, 10, 1), (60, 30, 1), (300, 3, 1)], ids=str)
def test_intervals_of_one_linear_expert_hold_what_they_say(design):
    table = coverage.study([design], repetitions=80)
    assert table.loc[0, "coverage"] == pytest.approx(0.9, abs=0.035)
    assert table.loc[0, "scales alone"] < table.loc[0, "coverage"]


@pytest.mark.parametrize(("design", "repetitions"), [((100, 10, 2), 12), ((200, 10, 4), 5)])
def test_intervals_of_mixtures_hold_nearly_what_they_say(design, repetitions):
    table = coverage.study([design], repetitions)
    assert 0.84 < table.loc[0, "coverage"] < 0.94
    assert table.loc[0, "scales alone"] < table.loc[0, "coverage"] - 0.03


def test_the_command_writes_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "DESIGNS", [(30, 2, 1)])
    arguments = ["--repetitions", "2", "--out", str(tmp_path)]
    done = CliRunner().invoke(coverage.main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert (tmp_path / "table.md").read_text() == done.output
    assert "| rows | columns | experts | coverage | se | scales alone |" in done.output
