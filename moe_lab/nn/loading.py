"""Take over a trained module of the package mixture-of-experts 0.2.3."""

from typing import Any

import torch
from torch import nn

from moe_lab.nn.hierarchical import HierarchicalMoE
from moe_lab.nn.sparse import SparseLayer, SparseMoE


def load_mixture_of_experts(module: nn.Module) -> SparseLayer:
    """Return a layer with the weights and settings of the package's MoE or HeirarchicalMoE.

    It gives the same outputs, losses and gradients. For the sane gate instead, load its
    `state_dict` into a layer built without `compat`: the names are the same.

    Parameters
    ----------
    module : Module
        The package's MoE or HeirarchicalMoE, with its own experts.

    Returns
    -------
    layer : SparseMoE or HierarchicalMoE
        On the module's device, in its dtype and mode.

    Raises
    ------
    TypeError
        If the module is something else, or has experts of the caller's own.
    """
    gate: Any = getattr(module, "gate", None) or getattr(module, "gate_outer", None)
    experts: Any = getattr(module, "experts", None)
    if not hasattr(gate, "w_gating") or not hasattr(experts, "w1"):
        raise TypeError(
            "module must be MoE or HeirarchicalMoE of mixture-of-experts with its own experts, "
            f"got {type(module).__name__} with experts {type(experts).__name__}. "
            "Modules of your own go to SparseMoE(experts=[...])."
        )
    options = _options(module, gate, experts)
    dim, hidden_dim = experts.w1.shape[-2:]
    if hasattr(module, "gate"):
        layer = SparseMoE(dim, module.num_experts, hidden_dim, **options)
        weights = {"gate.linear.weight": gate.w_gating}
    else:
        n_experts = (module.num_experts_outer, module.num_experts_inner)
        layer = HierarchicalMoE(dim, n_experts, hidden_dim, **options)
        inner = module.gate_inner.w_gating.permute(1, 0, 2).flatten(1)  # (d, eo * ei)
        weights = {"gate.outer.weight": gate.w_gating, "gate.inner.weight": inner}
    weights["experts.w1"] = experts.w1.reshape(-1, dim, hidden_dim)
    weights["experts.w2"] = experts.w2.reshape(-1, hidden_dim, dim)
    layer.to(experts.w1).train(module.training)
    with torch.no_grad():
        layer.load_state_dict(weights)
    return layer


def _options(module, gate, experts):
    return {
        "compat": "mixture-of-experts",
        "second_policy": gate.second_policy_train,
        "second_threshold": gate.second_threshold_train,
        "eval_second_policy": gate.second_policy_eval,
        "eval_second_threshold": gate.second_threshold_eval,
        "capacity_factor": gate.capacity_factor_train,
        "eval_capacity_factor": gate.capacity_factor_eval,
        "losses": {"gshard": module.loss_coef},
        "activation": experts.act,
    }
