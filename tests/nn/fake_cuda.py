"""Layers and networks for tables to check, mistakes to plant in them, and a run of all on CUDA
tensors without numbers.

The run is a process of its own, for it can abort.

Usage: fake_cuda.py [MISTAKE]. It prints "ran N layers and networks", or "cannot run: why".
"""

import sys

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from moe_lab.nn import HierarchicalMoE, SparseMoE, dispatch
from moe_lab.nn.tables.tabular import TableEmbedding, mlp
from moe_lab.registry import experts
from moe_lab.train.gradient.joint import Joint, Objective

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


def joint(task, **objective):
    """Make a gate and experts of all kinds, rows for them, and what they are trained for.

    Without pieces of numbers: rtdl_num_embeddings indexes with None, a false alarm here.

    Returns
    -------
    net : Joint
    X : Tensor of shape (30, 3)
        Two numbers and a category.
    y : Tensor of shape (30,)
    objective : Objective
    """
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(30, 2)), rng.integers(-1, 3, 30)]).astype(np.float32)
    classes = task == "classification"
    pool = {
        "mlp": {"hidden": (8,), "n_bins": 0, "dropout": 0.1},
        "sparse_moe": {"n_experts": 4, "n_bins": 0, "width": 8, "hidden_dim": 8},
        "tabm": {"n_members": 2, "n_bins": 0, "width": 8},
    }
    nets = [
        experts.create(name, **params).module(X, [] if name == "tabm" else [3], 2 if classes else 1)
        for name, params in pool.items()
    ]
    embedding = TableEmbedding(X, [3])
    gate = torch.nn.Sequential(embedding, mlp(sum(embedding.chunks), (8,), len(nets)))
    y = torch.as_tensor(rng.integers(0, 2, 30) if classes else rng.normal(size=30).astype("f4"))
    net = Joint(gate, nets, [(0, 3)] * 4, task, 0.01)
    return net, torch.as_tensor(X), y, Objective(task, individual=0.1, balance=0.1, **objective)


NETWORKS = {
    "likelihood": lambda: joint("regression"),
    "pooled": lambda: joint("regression", objective="pooled"),
    "classes": lambda: joint("classification"),
}


def plant(mistake: str):
    """Put a mistake into a layer's dispatch or a network's embedding that the CPU alone does not
    notice."""
    plan, forward = dispatch.plan, TableEmbedding.forward

    def with_item(experts, kept, n_experts):
        if experts.amax().item() >= n_experts:
            raise ValueError("experts out of range")
        return plan(experts, kept, n_experts)

    def with_cpu_tensor(experts, kept, n_experts):
        return plan(experts + torch.zeros(experts.shape, dtype=torch.long), kept, n_experts)

    def embedding_with_item(self, X):
        if X.isnan().any().item():
            raise ValueError("missing numbers")
        return forward(self, X)

    def embedding_with_cpu_tensor(self, X):
        return forward(self, X - torch.zeros(X.shape[1]))

    mistakes = {
        "item": (dispatch, "plan", with_item),
        "cpu_tensor": (dispatch, "plan", with_cpu_tensor),
        "item_in_embedding": (TableEmbedding, "forward", embedding_with_item),
        "cpu_tensor_in_embedding": (TableEmbedding, "forward", embedding_with_cpu_tensor),
    }
    setattr(*mistakes[mistake])


def on_cuda(net, dtype):
    """Return the net's parameters and buffers as fake tensors."""
    return {
        name: torch.empty(
            one.shape, dtype=dtype if one.is_floating_point() else one.dtype, device="cuda"
        )
        for name, one in (*net.named_parameters(), *net.named_buffers())
    }


def run(make, dtype):
    layer = make()
    with FakeTensorMode(), torch.no_grad():
        x = torch.empty(2, 5, 8, dtype=dtype, device="cuda")
        y, routing = torch.func.functional_call(layer, on_cuda(layer, dtype), (x,))
    assert y.shape == x.shape
    assert y.dtype == dtype
    assert {one.device.type for one in (y, *routing)} == {"cuda"}


def run_joint(make):
    net, X, y, objective = make()
    with FakeTensorMode(), torch.no_grad():
        X, y = (torch.empty(one.shape, dtype=one.dtype, device="cuda") for one in (X, y))
        answer = torch.func.functional_call(net, on_cuda(net, torch.float32), (X,))
        terms = objective(answer, y)
    parts = [terms.loss, terms.score, terms.extra, *terms.watched.values()]
    assert {one.device.type for one in parts} == {"cuda"}


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
    for make in NETWORKS.values():
        run_joint(make)
    print("ran", len(LAYERS), "layers and", len(NETWORKS), "networks")
