"""Layers to check, mistakes to plant in them, and a run of all on CUDA tensors without numbers.

The run is a process of its own, for it can abort.

Usage: fake_cuda.py [MISTAKE]. It prints "ran N layers", or "cannot run: why".
"""

import sys

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from moe_lab.nn import HierarchicalMoE, SparseMoE, dispatch

ALL_LOSSES = dict.fromkeys(("gshard", "importance", "load", "switch", "z"), 0.1)
COMPAT = {"compat": "mixture-of-experts", "eval_second_policy": "all"}
LAYERS = {
    "plain": lambda: SparseMoE(8, 4, 16),
    "one choice": lambda: SparseMoE(8, 4, 16, top_k=1),
    "three choices": lambda: SparseMoE(8, 4, 16, top_k=3, losses={}),
    "many experts": lambda: SparseMoE(8, 64, 16, losses={}),
    "soft": lambda: SparseMoE(8, 4, 16, top_k=None),
    "noisy": lambda: SparseMoE(8, 4, 16, noisy=True, losses=ALL_LOSSES, bias_rate=0.01),
    "capacity": lambda: SparseMoE(8, 4, 16, capacity_factor=0.5, second_policy="random"),
    "net": lambda: SparseMoE(8, 4, 16, activation="gelu", gated=True, bias=True, dropout=0.1),
    "hierarchical": lambda: HierarchicalMoE(8, (2, 3), 16, bias=True),
    "all of it": lambda: HierarchicalMoE(
        8, (3, 3), 16, noisy=True, losses=ALL_LOSSES, bias_rate=0.01, capacity_factor=1.0
    ),
    "compat": lambda: SparseMoE(8, 4, 16, **COMPAT),
    "hierarchical compat": lambda: HierarchicalMoE(8, (2, 3), 16, **COMPAT),
}


def plant(mistake: str):
    """Put a mistake into the dispatch that the CPU alone does not notice."""
    plan = dispatch.plan

    def with_item(experts, kept, n_experts):
        if experts.amax().item() >= n_experts:
            raise ValueError("experts out of range")
        return plan(experts, kept, n_experts)

    def with_cpu_tensor(experts, kept, n_experts):
        return plan(experts + torch.zeros(experts.shape, dtype=torch.long), kept, n_experts)

    dispatch.plan = {"item": with_item, "cpu_tensor": with_cpu_tensor}[mistake]


def run(make, dtype):
    layer = make()
    state = {name: (one.shape, one.dtype) for name, one in layer.state_dict().items()}
    with FakeTensorMode(), torch.no_grad():
        state = {
            name: torch.empty(shape, dtype=dtype if kind.is_floating_point else kind, device="cuda")
            for name, (shape, kind) in state.items()
        }
        x = torch.empty(2, 5, 8, dtype=dtype, device="cuda")
        y, routing = torch.func.functional_call(layer, state, (x,))
    assert y.shape == x.shape
    assert y.dtype == dtype
    assert {one.device.type for one in (y, *routing)} == {"cuda"}


if __name__ == "__main__":
    try:
        with FakeTensorMode():
            torch.empty(2, device="cuda") + 1
    except Exception as error:
        print("cannot run:", error)
        sys.exit()
    for mistake in sys.argv[1:]:
        plant(mistake)
    for dtype in (torch.float32, torch.bfloat16):
        for make in LAYERS.values():
            run(make, dtype)
    print("ran", len(LAYERS), "layers")
