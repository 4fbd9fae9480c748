"""A small soak: whatever part of a sweep is killed, each key has one finished run in the end."""

import pytest

from moe_lab.runs.forks import CAN_FORK
from moe_lab.studies.sweeps.soak import soak


@pytest.mark.slow
def test_a_sweep_whose_parts_are_killed_ends_with_one_run_a_key_and_no_process():
    pytest.importorskip("distributed")
    found = soak(6, 3, "fork" if CAN_FORK else "kernel", longest=1.5)
    assert found["killed"] == {"coordinator": 1, "worker": 1, "kernel": 1}
    assert found["keys with one finished run"] == 6
    assert (found["torn"], found["left in .tmp"], found["processes left"]) == (0, 0, 0)
