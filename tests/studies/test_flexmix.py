"""The benchmark against flexmix: its data, its arithmetic, and R missing."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose, assert_array_equal

from moe_lab.studies.em_speed import flexmix


def test_the_data_are_four_linear_experts_and_seeded():
    X, y = flexmix.linear_mixture(400, random_state=1)
    again, other = flexmix.linear_mixture(400, random_state=1), flexmix.linear_mixture(400)
    assert X.shape == (400, 5)
    assert_array_equal(y, again[1])
    assert np.abs(y - other[1]).max() > 0.1
    design = np.column_stack([X, np.ones(400)])
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert left.std() > 1.5  # the noise of every expert is less: one line does not do


def test_both_are_measured_against_flexmix():
    fits = pd.DataFrame(
        [("moe_lab", "1", 0.1, 9, -5.0), ("flexmix", "2", 3.0, 9, -5.5)] * 3,
        columns=["method", "version", "seconds", "rounds", "log_likelihood"],
    )
    summary = flexmix.summarise(fits).set_index("method")
    assert_allclose(summary["times_faster"], [30, 1])
    assert_allclose(summary["difference"], [0.5, 0])


def test_without_r_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    answer = CliRunner().invoke(flexmix.main, ["--rows", "50"])
    assert answer.exit_code == 1
    assert "R is not installed: no Rscript on the path." in answer.output
    assert "apt install r-cran-flexmix" in answer.output


def test_without_flexmix_it_says_how_to_get_it(monkeypatch, tmp_path):
    broken = tmp_path / "Rscript"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ImportError, match="flexmix is not installed. Run apt install r-cran-flex"):
        flexmix.r_version()
