"""Devices: named ones must be there, and reach torch, xgboost and lightgbm."""

import subprocess
import sys

import pytest

from moe_lab import device as device_module
from moe_lab.device import cuda_device_count, resolve_device
from moe_lab.registry import experts


@pytest.fixture
def cuda_devices(monkeypatch):
    """Pretend that there are so many CUDA devices."""
    return lambda count: monkeypatch.setattr(device_module, "cuda_device_count", lambda: count)


@pytest.mark.parametrize(
    ("count", "device", "resolved"),
    [
        (0, "auto", "cpu"),
        (0, "cpu", "cpu"),
        (1, "auto", "cuda"),
        (1, "cuda", "cuda"),
        (2, "cuda:1", "cuda:1"),
        (2, "cpu", "cpu"),
    ],
)
def test_a_device_that_is_there_is_used(cuda_devices, count, device, resolved):
    cuda_devices(count)
    assert resolve_device(device) == resolved


@pytest.mark.parametrize(
    ("count", "device", "message"),
    [
        (0, "cuda", "got device='cuda'.*can use here: 0.*device='auto'"),
        (1, "cuda:1", "got device='cuda:1'.*can use here: 1"),
        (1, "gpu", "'cuda' or 'cuda:N', got device='gpu'"),
        (1, "cuda:x", "got device='cuda:x'"),
        (1, "cuda:", "got device='cuda:'"),
        (1, None, "got device=None"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(cuda_devices, count, device, message):
    cuda_devices(count)
    with pytest.raises(ValueError, match=message):
        resolve_device(device)


def test_without_a_driver_torch_is_not_imported():
    code = (
        "import sys; from moe_lab import device; device._DRIVERS = (); "
        "assert device.resolve_device('auto') == 'cpu'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_listed_device_that_cannot_compute_is_none(monkeypatch):
    import torch

    def broken(*args, **kwargs):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(device_module, "_has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", broken)
    assert cuda_device_count.__wrapped__() == 0


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("mlp", "cuda", {"device": "cuda"}),
        ("mlp", "cuda:1", {"device": "cuda:1"}),
        ("mlp", "auto", {"device": "cuda"}),
        ("xgboost", "cuda", {"device": "cuda"}),
        ("xgboost", "cuda:1", {"device": "cuda:1"}),
        ("xgboost", "auto", {"device": "cuda"}),
        ("xgboost", "cpu", {"device": "cpu"}),
        ("lightgbm", "cuda", {"device_type": "cuda", "gpu_device_id": 0}),
        ("lightgbm", "cuda:1", {"device_type": "cuda", "gpu_device_id": 1}),
    ],
)
def test_the_device_reaches_the_parameters(cuda_devices, name, device, expected, task):
    cuda_devices(2)
    built = experts.create(name).build(task, n_classes=3, device=device)
    parameters = _all_parameters(getattr(built, "model", built))
    assert {key: parameters[key] for key in expected} == expected


def _all_parameters(model):
    return {key.rpartition("__")[2]: value for key, value in model.get_params(deep=True).items()}


def test_auto_leaves_lightgbm_on_the_cpu(cuda_devices):
    cuda_devices(1)
    built = experts.create("lightgbm").build("regression", device="auto")
    assert "device_type" not in built.model.get_params()


@pytest.mark.parametrize("name", ["mlp", "xgboost", "lightgbm"])
def test_no_expert_computes_elsewhere_than_asked(cuda_devices, name):
    cuda_devices(0)
    with pytest.raises(ValueError, match="got device='cuda'"):
        experts.create(name).build("regression", device="cuda")
