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
    "bootstrap_intervals": "moe_lab.inspection",
    "diagnose": "moe_lab.inspection",
    "error_by_region": "moe_lab.inspection",
    "gate_entropy": "moe_lab.inspection",
    "load": "moe_lab.saving",
    "plot_tree": "moe_lab.plots",
    "retell": "moe_lab.inspection",
    "routing_importance": "moe_lab.inspection",
    "select_n_experts": "moe_lab.inspection",
    "usage": "moe_lab.inspection",
}
_SUBMODULES = (
    "bench",
    "datasets",
    "divide",
    "experts",
    "explore",
    "gate",
    "inspection",
    "likelihood",
    "methods",
    "mixture",
    "nn",
    "plots",
    "pool",
    "registry",
    "runs",
    "saving",
    "studies",
    "table",
    "testing",
    "train",
)

__all__ = [*_PUBLIC, *_SUBMODULES, "__version__"]

finder.install()


def load_ipython_extension(ipython: object) -> None:
    """Answer ``%load_ext moe_lab``: a notebook gets the magic ``%moe``."""
    importlib.import_module("moe_lab.cli.magics").load(ipython)


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
