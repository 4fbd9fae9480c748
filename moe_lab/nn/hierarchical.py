"""HierarchicalMoE: two levels of gating, groups of experts and the experts within each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from moe_lab.nn import checks
from moe_lab.nn.compat import Top2HierarchicalGate
from moe_lab.nn.hierarchical_gate import HierarchicalGate
from moe_lab.nn.module_experts import build_experts
from moe_lab.nn.processes import Peers
from moe_lab.nn.settings import gate_settings
from moe_lab.nn.sparse import SparseLayer
from moe_lab.registry.spelling import unknown_name

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

_EXPERTS = {
    "activation": "relu",
    "bias": False,
    "dropout": 0.0,
    "experts": None,
    "gated": False,
    "recompute": False,
}
_GATE = (
    "bias_rate",
    "capacity_factor",
    "compat",
    "eval_capacity_factor",
    "eval_second_policy",
    "eval_second_threshold",
    "losses",
    "noisy",
    "second_policy",
    "second_threshold",
)


class HierarchicalMoE(SparseLayer):
    """Two levels of sparse gating: an outer gate chooses groups, an inner one experts of a group.

    A row asks `top_k` groups and `top_k` experts in each; the weight of an expert is the product
    of its gate weights. So a hierarchy is a mixture with a hierarchical gate, and all that
    `SparseMoE` promises holds here. Deeper trees nest layers: `SparseMoE(experts=[...])`.

    Parameters
    ----------
    dim : int
        Features of a row.
    n_experts : tuple of (n_groups, n_experts_of_each), default=(4, 4)
    hidden_dim : int, optional
        Hidden units of each built-in expert; 4 * dim by default.
    top_k : int, None or a pair of them, default=2
        Choices at both levels, or at the outer and the inner level.
    process_group : ProcessGroup, optional
        As of `SparseMoE`.
    **options
        Those of `SparseMoE`. Policies, noise and `bias_rate` work at both levels; losses count
        experts, not groups (Shazeer et al. 2017, appendix B), and so does capacity.

    Notes
    -----
    Shape: x (..., dim) -> y (..., n_outputs). Experts are numbered group by group.

    References
    ----------
    Jordan & Jacobs (1994); Shazeer et al. (2017), appendix B.

    Examples
    --------
    >>> import torch
    >>> layer = HierarchicalMoE(8, (2, 3), hidden_dim=16)
    >>> y, routing = layer(torch.randn(5, 8))
    >>> y.shape, routing.experts.shape
    (torch.Size([5, 8]), torch.Size([5, 4]))
    """

    def __init__(
        self,
        dim: int,
        n_experts: tuple[int, int] = (4, 4),
        hidden_dim: int | None = None,
        top_k: int | tuple[int, int] | None = 2,
        *,
        process_group: ProcessGroup | None = None,
        **options: Any,
    ):
        super().__init__()
        n_outer, n_inner = _pair(n_experts)
        dim, n_outer, n_inner = checks.check_counts(
            dim=dim, n_groups=n_outer, n_experts_of_each=n_inner
        )
        for name in options:
            if name not in _EXPERTS and name not in _GATE:
                known = [*_EXPERTS, *_GATE, "process_group"]
                raise TypeError(unknown_name("option", name, known, listed="Options"))
        self.dim = dim
        of_experts = {name: options.pop(name, value) for name, value in _EXPERTS.items()}
        outer_k, inner_k = _two(top_k)
        outer = gate_settings(outer_k, n_outer, **options)
        inner = gate_settings(inner_k, n_inner, **options)
        checks.check_levels(outer_k, inner_k)
        if outer.compat:
            self.gate = Top2HierarchicalGate(dim, (n_outer, n_inner), outer)
        else:
            peers = Peers(process_group)
            self.gate = HierarchicalGate(dim, (n_outer, n_inner), outer, inner, peers)
        modules = of_experts.pop("experts")
        self.experts = build_experts(dim, n_outer * n_inner, hidden_dim, modules, **of_experts)


def _pair(n_experts):
    if not isinstance(n_experts, Iterable) or len(pair := list(n_experts)) != 2:
        raise ValueError(
            f"n_experts must be (n_groups, n_experts_of_each), got n_experts={n_experts!r}. "
            "Use SparseMoE for one level; nest layers for more than two."
        )
    return pair


def _two(top_k):
    if not isinstance(top_k, Iterable):
        return top_k, top_k
    if len(pair := list(top_k)) != 2:
        raise ValueError(
            f"top_k must be one number or (of groups, of experts in each), got top_k={top_k!r}."
        )
    return pair
