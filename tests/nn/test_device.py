"""Right on a GPU that is not here: no hidden device, wait or dtype; and on one that is."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from moe_lab import MoERegressor
from moe_lab.nn import SparseMoE, dispatch
from moe_lab.nn.tables.tabular import TableEmbedding
from moe_lab.testing import example_table, example_target

FAKE_CUDA = Path(__file__).with_name("fake_cuda.py")
LAYERS, NETWORKS, plant = map(runpy.run_path(str(FAKE_CUDA)).get, ("LAYERS", "NETWORKS", "plant"))
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
cuda = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device for torch here"),
]


@pytest.fixture
def planted(monkeypatch):
    """Plant a mistake for the length of a test."""
    monkeypatch.setattr(dispatch, "plan", dispatch.plan)
    monkeypatch.setattr(TableEmbedding, "forward", TableEmbedding.forward)
    return plant


def run_fake_cuda(*mistakes):
    done = subprocess.run(
        [sys.executable, FAKE_CUDA, *mistakes], capture_output=True, text=True, timeout=300
    )
    if "cannot run" in done.stdout:
        required = os.environ.get("MOE_LAB_REQUIRE_FAKE_CUDA", "0") not in ("", "0")
        (pytest.fail if required else pytest.skip)(done.stdout)
    return done


def results(layer, x, step=None):
    x = x.detach().requires_grad_()
    layer.zero_grad()
    torch.manual_seed(0)
    y, routing = (layer if step is None else step)(x)
    (y.float().square().sum() + routing.loss).backward()
    return [y, routing.loss, x.grad, *(one.grad for one in layer.parameters())]


def test_layers_run_on_cuda_tensors_without_a_wait():
    done = run_fake_cuda()
    expected = f"ran {len(LAYERS)} layers and {len(NETWORKS)} networks\n"
    assert done.stdout == expected, done.stderr


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("item", "_local_scalar_dense"),
        ("cpu_tensor", "same device"),
        ("item_in_embedding", "_local_scalar_dense"),
        ("cpu_tensor_in_embedding", "same device"),
    ],
)
def test_a_planted_mistake_fails_on_cuda_tensors(mistake, said):
    done = run_fake_cuda(mistake)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr.strip().splitlines()[-1]


def test_a_skipped_check_fails_where_it_is_required(monkeypatch):
    done = subprocess.CompletedProcess([], 0, stdout="cannot run: no cuda\n", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    monkeypatch.setenv("MOE_LAB_REQUIRE_FAKE_CUDA", "1")
    with pytest.raises(pytest.fail.Exception, match="no cuda"):
        run_fake_cuda()
    monkeypatch.delenv("MOE_LAB_REQUIRE_FAKE_CUDA")
    with pytest.raises(pytest.skip.Exception, match="no cuda"):
        run_fake_cuda()


@every_layer
def test_backward_runs_on_the_meta_device(make):
    layer = make().to("meta")
    for one in results(layer, torch.empty(2, 5, 8, device="meta")):
        assert one.device.type == "meta"


@every_network
def test_joint_training_runs_on_the_meta_device(make):
    net, X, y, objective = make()
    net.to("meta")
    terms = objective(net(X.to("meta")), y.to("meta"))
    (terms.loss.mean() + terms.extra).backward()
    trained = [one for one in net.parameters() if one.requires_grad]
    assert {one.grad.device.type for one in trained} == {"meta"}


def test_a_planted_item_fails_in_a_network_on_the_meta_device(planted):
    net, X, *_ = NETWORKS["likelihood"]()
    planted("item_in_embedding")
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        net.to("meta")(X.to("meta"))


def test_a_planted_mistake_fails_on_the_meta_device(planted):
    layer, x = LAYERS["plain"]().to("meta"), torch.empty(2, 5, 8, device="meta")
    planted("item")
    with pytest.raises(RuntimeError, match="meta"):
        layer(x)


@every_layer
def test_layers_compile_in_one_graph_and_agree(make):
    torch._dynamo.reset()
    layer, x = make().eval(), torch.randn(2, 5, 8)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for got, expected in zip(results(layer, x, compiled), results(layer, x), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    compiled.train()(x)


def test_a_planted_item_breaks_the_graph(planted):
    torch._dynamo.reset()
    planted("item")
    compiled = torch.compile(LAYERS["plain"](), fullgraph=True, backend="aot_eager")
    with pytest.raises(torch._dynamo.exc.UserError, match="data-dependent"):
        compiled(torch.randn(2, 5, 8))


@every_layer
def test_autocast_computes_experts_in_bfloat16_and_the_gate_in_float32(make):
    layer, x = make().eval(), torch.randn(2, 5, 8)
    expected, exact = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        y, routing = layer(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(routing.gate_weights, exact.gate_weights)
    torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.02)
    (y.float().sum() + routing.loss).backward()
    assert {one.grad.dtype for one in layer.parameters()} == {torch.float32}


@every_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_layers_take_other_dtypes(make, dtype):
    layer = make().eval().to(dtype)
    x = torch.randn(2, 5, 8).to(dtype)
    for one in results(layer, x)[2:]:
        assert one.dtype == dtype
        assert one.isfinite().all()
    y, _ = layer(x)
    expected, _ = layer.double()(x.double())
    rough = {"rtol": 0.1, "atol": 0.05} if dtype == torch.bfloat16 else {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(y.double(), expected, **rough)


class TestOnCuda:
    """What needs the device itself."""

    pytestmark = cuda

    @every_layer
    def test_cuda_agrees_with_the_cpu(self, make):
        layer, x = make().eval(), torch.randn(64, 8)
        expected = results(layer, x)
        for got, one in zip(results(layer.cuda(), x.cuda()), expected, strict=True):
            torch.testing.assert_close(got.cpu(), one, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
    def test_joint_training_on_cuda_learns_what_it_does_on_the_cpu(self, precision):
        X = example_table(400)
        y = example_target(X, "regression")
        pool = ["mlp", ("sparse_moe", {"n_experts": 4})]
        moe = MoERegressor(
            pool, train=("gradient", {"precision": precision}), device="cuda", random_state=0
        ).fit(X, y)
        assert moe.score(X, y) > 0.95

    def test_bfloat16_never_waits_and_repeats_to_the_bit(self):
        layer = SparseMoE(64, 8, 128, bias=True).cuda().bfloat16()
        x = torch.randn(512, 64, device="cuda", dtype=torch.bfloat16)
        first = results(layer, x)
        torch.cuda.set_sync_debug_mode("error")
        try:
            again = results(layer, x)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
