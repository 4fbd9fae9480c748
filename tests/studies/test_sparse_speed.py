"""The benchmark of the sparse layer: pairs that do the same, and memory as torch counts it."""

import types

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from moe_lab.studies import sparse_speed
from moe_lab.studies.sparse_speed import (
    Pair,
    Size,
    by_turns,
    cuda_peak_memory,
    cuda_seconds,
    first_layer,
    limit_pair,
    package_pair,
    peak_memory,
)

SMALL = Size(64, 8, 16, 4)


def test_pairs_run_by_turns_and_leave_no_gradient_behind():
    for options in ({}, {"losses": {}}, {"backward": False}):
        pair = limit_pair(SMALL, 1.0, **options)
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
    monkeypatch.setattr(sparse_speed, "memory", lambda _: [("peak", 12.0, "<= 20")])
    monkeypatch.setattr(sparse_speed, "by_turns", lambda *_: seconds)
    printed = CliRunner().invoke(sparse_speed.main, ["--repeats", "3"]).output
    for text in ("a pair", "3.00", "2.50 to 3.50", ">= 2", "peak", "<= 20"):
        assert text in printed


class FakeDevice:
    """A CUDA device on which a run takes two seconds and 30 bytes, without a device."""

    def __init__(self):
        self.now, self.waited_until = 0.0, -1.0
        self.held = self.most = 100

    def run(self):
        self.now += 2.0
        self.most = max(self.most, self.held + 30)

    def event(self, enable_timing):
        assert enable_timing
        event = types.SimpleNamespace()
        event.record = lambda: setattr(event, "at", self.now)
        event.elapsed_time = lambda end: self._elapsed(event, end)
        return event

    def _elapsed(self, begin, end):
        assert self.waited_until >= end.at, "read before the device was done"
        return 1e3 * (end.at - begin.at)


@pytest.fixture
def device(monkeypatch):
    fake = FakeDevice()
    said = {
        "Event": fake.event,
        "get_device_name": lambda: "a device",
        "max_memory_allocated": lambda: fake.most,
        "memory_allocated": lambda: fake.held,
        "reset_peak_memory_stats": lambda: setattr(fake, "most", fake.held),
        "synchronize": lambda: setattr(fake, "waited_until", fake.now),
    }
    for name, answer in said.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    return fake


def test_on_cuda_events_are_read_after_the_device_is_done(device):
    assert cuda_seconds(device.run) == pytest.approx(2.0)
    pair = Pair("", device.run, device.run, "")
    assert by_turns(pair, 3, cuda_seconds) == pytest.approx(np.full((3, 2), 2.0))
    assert cuda_peak_memory(device.run) == 30


def test_the_device_chooses_clock_scales_and_where_tensors_are(device, monkeypatch):
    seen = []
    monkeypatch.setattr(sparse_speed, "resolve_device", lambda name: name)
    monkeypatch.setattr(sparse_speed, "pairs", lambda: [Pair("a pair", None, None, "")])
    monkeypatch.setattr(sparse_speed, "memory", lambda peak: seen.append(peak) or [])

    def by_turns(pair, repeats, seconds_of):
        mode = torch.overrides._get_current_function_mode()
        seen.extend([seconds_of, mode.device.type, torch.get_default_dtype()])
        return np.ones((repeats, 2))

    monkeypatch.setattr(sparse_speed, "by_turns", by_turns)
    options = ["--device", "cuda", "--dtype", "bfloat16"]
    done = CliRunner().invoke(sparse_speed.main, options)
    assert done.exit_code == 0, done.output
    assert seen == [cuda_seconds, "cuda", torch.bfloat16, cuda_peak_memory]
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_without_a_device_the_command_fails_at_once():
    done = CliRunner().invoke(sparse_speed.main, ["--device", "cuda"])
    assert done.exit_code == 1
    assert "device must be one that works, got device='cuda'" in done.output
    assert "against" not in done.output


class Devices(TorchDispatchMode):
    """The devices of all tensors that are made."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.seen |= {one.device.type for one in tree_leaves(out) if torch.is_tensor(one)}
        return out


def test_all_of_a_run_is_on_the_device_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(sparse_speed, "FIRST", SMALL)
    with torch.device("meta"), Devices() as devices:
        first_layer()()
        with pytest.raises(RuntimeError, match="meta"):  # which has no numbers to check
            limit_pair(SMALL, 1.0)
    assert devices.seen == {"meta"}
