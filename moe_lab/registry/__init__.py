"""The registry: what names mean, what is tested, what command line and notebooks offer.

Seven lists, one for each kind of plugin. A plugin comes from a file of this package, from the
`registry/` folder of a lab, from an entry point of an installed package, or from a live
notebook cell; all four are registered and used alike.
"""

from moe_lab.registry.card import Card
from moe_lab.registry.lab import lab_root
from moe_lab.registry.plugins import Registry
from moe_lab.registry.reloading import reload_plugins

dividers = Registry("divider", "moe_lab.divide", "moe_lab.train", group="moe_lab.divide")
experts = Registry("expert", "moe_lab.experts", "moe_lab.train", group="moe_lab.experts")
gates = Registry("gate", "moe_lab.gate", "moe_lab.train", group="moe_lab.gate")
poolers = Registry("pooler", "moe_lab.pool", group="moe_lab.pool")
trainers = Registry("trainer", "moe_lab.train", group="moe_lab.train")
methods = Registry("method", "moe_lab.methods", group="moe_lab.methods")
datasets = Registry("data set", "moe_lab.datasets", group="moe_lab.datasets")

__all__ = [
    "Card",
    "Registry",
    "datasets",
    "dividers",
    "experts",
    "gates",
    "lab_root",
    "methods",
    "poolers",
    "reload_plugins",
    "trainers",
]
