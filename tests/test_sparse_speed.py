"""The benchmark of the sparse layer: pairs that do the same, and memory as torch counts it."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from moe_lab.bench import sparse_speed
from moe_lab.bench.sparse_speed import Pair, Size, by_turns, limit_pair, package_pair, peak_memory

SMALL = Size(64, 8, 16, 4)


def test_pairs_run_by_turns_and_leave_no_gradient_behind():
    for pair in (limit_pair(SMALL, 1.0), limit_pair(SMALL, 1.0, backward=False)):
        seconds = by_turns(pair, repeats=3)
        assert seconds.shape == (3, 2)
        assert (seconds >= 0).all()


def test_the_packages_layer_is_timed_only_if_it_agrees(monkeypatch):
    assert by_turns(package_pair("", SMALL, 1.25, ""), repeats=1).shape == (1, 2)
    load = sparse_speed.load_mixture_of_experts

    def wrong(module):
        layer = load(module)
        with torch.no_grad():
            layer.experts.w1.mul_(2)
        return layer

    monkeypatch.setattr(sparse_speed, "load_mixture_of_experts", wrong)
    with pytest.raises(AssertionError, match="not close"):
        package_pair("", SMALL, 1.25, "")


def test_peak_memory_counts_what_is_held_at_once():
    def run():
        for _ in range(3):
            torch.ones(1000, 1000).sum()  # one at a time

    assert 4e6 <= peak_memory(run) < 5e6


def test_the_command_prints_medians_quartiles_and_goals(monkeypatch):
    pair = Pair("a pair", lambda: None, lambda: None, ">= 2", faster=True)
    seconds = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 4.0]])
    monkeypatch.setattr(sparse_speed, "pairs", lambda: [pair])
    monkeypatch.setattr(sparse_speed, "memory", lambda: [("peak", 12.0, "<= 20")])
    monkeypatch.setattr(sparse_speed, "by_turns", lambda *_: seconds)
    printed = CliRunner().invoke(sparse_speed.main, ["--repeats", "3"]).output
    for text in ("a pair", "3.00", "2.50 to 3.50", ">= 2", "peak", "<= 20"):
        assert text in printed
