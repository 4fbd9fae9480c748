"""The nets that are compared: one layer, dense or sparse, between the key and a linear readout."""

# shapes: (n)samples, (d)features, (h)idden

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from moe_lab.nn import SparseMoE
from moe_lab.registry.spelling import unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from moe_lab.nn.sparse import Routing

__all__ = ["DENSE", "METHODS", "SPARSE", "Net", "build", "costs"]

BIAS_RATE = 0.001  # that of Wang et al. (2024)
ROWS = 512  # that are counted


class Net(nn.Module):
    """A readout of the key and of what a layer adds to it.

    Parameters
    ----------
    layer : Module or None
        From (n, d) to (n, d); a sparse one returns its routing as well.
    dim, n_answers : int
    """

    def __init__(self, layer: nn.Module | None, dim: int, n_answers: int):
        super().__init__()
        self.layer = layer
        self.readout = nn.Linear(dim, n_answers)

    def forward(self, keys: Tensor) -> tuple[Tensor, Routing | None]:
        """Return the logits, (n_samples, n_answers), and the routing of a sparse layer or None."""
        if self.layer is None:
            return self.readout(keys), None
        added, routing = self.layer(keys), None
        if isinstance(added, tuple):
            added, routing = added
        return self.readout(keys + added), routing


def _dense(dim, hidden_dim):
    # Without biases, as the experts are.
    return nn.Sequential(
        nn.Linear(dim, hidden_dim, bias=False), nn.ReLU(), nn.Linear(hidden_dim, dim, bias=False)
    )


# A gate costs a row as much as n_experts / 2 hidden units: 2 d e FLOPs against 4 d h.
def _same_flops(size):
    return _dense(size.dim, size.top_k * size.hidden_dim + round(size.n_experts / 2))


def _same_parameters(size):
    return _dense(size.dim, size.n_experts * size.hidden_dim + round(size.n_experts / 2))


def _sparse(size, **options):
    return SparseMoE(size.dim, size.n_experts, size.hidden_dim, size.top_k, **options)


def _by_bias(size):
    return _sparse(size, losses={}, bias_rate=BIAS_RATE)


def _gate_not_trained(size):
    layer = _by_bias(size)
    layer.gate.requires_grad_(False)
    return layer


METHODS = {
    "linear": lambda size: None,
    "dense, same FLOPs": _same_flops,
    "sparse, switch loss": _sparse,
    "sparse, bias": _by_bias,
    "sparse, no balancing": lambda size: _sparse(size, losses={}),
    "sparse, gate not trained": _gate_not_trained,
    "dense, same parameters": _same_parameters,
}
SPARSE = tuple(name for name in METHODS if name.startswith("sparse"))
DENSE = "dense, same FLOPs"  # what the others are held against


def build(method: str, size: Any, seed: int) -> Net:
    """Return the untrained net of a method.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    size : Setting
        With dim, hidden_dim, n_experts, top_k and n_answers.
    seed : int
        Draws the weights.
    """
    if method not in METHODS:
        raise ValueError(unknown_name("method", method, METHODS, listed="Known"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Net(METHODS[method](size), size.dim, size.n_answers)


def costs(size: Any, methods: Sequence[str] = tuple(METHODS)) -> pd.DataFrame:
    """Count what a row costs, and the parameters.

    Parameters
    ----------
    size : Setting
    methods : sequence of str, optional

    Returns
    -------
    table : DataFrame
        For each method: active_flops (of one row's forward pass, gate and readout included, as
        torch counts them: matrix products, two for each multiplication), parameters.
    """
    import pandas as pd

    rows = {}
    for method in methods:
        net = build(method, size, seed=0).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.randn(ROWS, size.dim, generator=torch.Generator().manual_seed(0)))
        rows[method] = {
            "active_flops": counter.get_total_flops() / ROWS,
            "parameters": sum(one.numel() for one in net.parameters()),
        }
    return pd.DataFrame(rows).T.astype(int).rename_axis("method")
