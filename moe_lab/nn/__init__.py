"""Sparsely gated mixtures of experts as torch layers: SparseMoE, HierarchicalMoE.

Names are imported when they are first used, so that the package can be listed without torch.
"""

import importlib

_PUBLIC = {
    "GroupedExperts": "moe_lab.nn.experts",
    "HierarchicalMoE": "moe_lab.nn.hierarchical",
    "Routing": "moe_lab.nn.sparse",
    "SparseMoE": "moe_lab.nn.sparse",
    "load_mixture_of_experts": "moe_lab.nn.loading",
    "losses": "moe_lab.nn.losses",
    "update_biases": "moe_lab.nn.sparse",
}

__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'moe_lab.nn' has no attribute {name!r}.")
    module = importlib.import_module(_PUBLIC[name])
    value = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(globals().keys() | set(__all__))
