"""A lab for mixtures of experts as an ensemble method: divide, experts, gate, pool.

Public names and subpackages are imported when they are first used, so that `import moe_lab`
costs next to nothing.
"""

import importlib

from moe_lab.registry import finder

__version__ = "0.1.0"

_PUBLIC = {
    "MoEClassifier": "moe_lab.mixture",
    "MoERegressor": "moe_lab.mixture",
    "bootstrap_intervals": "moe_lab.bootstrap",
    "diagnose": "moe_lab.explain",
    "error_by_region": "moe_lab.explain",
    "gate_entropy": "moe_lab.explain",
    "plot_tree": "moe_lab.plots",
    "retell": "moe_lab.explain",
    "routing_importance": "moe_lab.explain",
    "select_n_experts": "moe_lab.selection",
    "usage": "moe_lab.explain",
}
_SUBMODULES = (
    "bench",
    "bootstrap",
    "coefficients",
    "datasets",
    "divide",
    "experts",
    "explain",
    "gate",
    "methods",
    "mixture",
    "nn",
    "plots",
    "pool",
    "registry",
    "runs",
    "selection",
    "studies",
    "testing",
    "train",
)

__all__ = [*_PUBLIC, *_SUBMODULES, "__version__"]

finder.install()


def __getattr__(name):
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"moe_lab.{name}")
    raise AttributeError(f"module 'moe_lab' has no attribute {name!r}.")


def __dir__():
    return sorted(globals().keys() | set(__all__))
