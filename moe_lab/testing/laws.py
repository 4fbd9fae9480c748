"""Which laws are there for plugins of a kind; the first is the contract itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from sklearn.base import clone

from moe_lab.registry import experts, gates, poolers
from moe_lab.registry.kinds import kinds
from moe_lab.testing.datasets import DATASET_CHECKS
from moe_lab.testing.dividers import DIVIDER_CHECKS
from moe_lab.testing.examples import create
from moe_lab.testing.experts import EXPERT_CHECKS, METHOD_CHECKS
from moe_lab.testing.gates import GATE_CHECKS
from moe_lab.testing.poolers import POOLER_CHECKS
from moe_lab.testing.trainers import TRAINER_CHECKS

if TYPE_CHECKING:
    from moe_lab.registry.plugins import Registry

LAWS: dict[str, list[Callable]] = {
    "divider": DIVIDER_CHECKS,
    "expert": EXPERT_CHECKS,
    "gate": GATE_CHECKS,
    "pooler": POOLER_CHECKS,
    "trainer": TRAINER_CHECKS,
    "method": METHOD_CHECKS,
    "dataset": DATASET_CHECKS,
}
# A plugin that keeps all laws: what it breaks as well says nothing against another one.
HONEST = {
    "expert": lambda: experts.create("linear"),
    "method": lambda: experts.create("linear"),
    "gate": lambda: gates.create("softmax"),
    "pooler": lambda: poolers.create("linear"),
}


def laws_of(plugins: Registry) -> list[Callable]:
    """Return the laws for the plugins of a list."""
    return next(LAWS[kind] for kind, listed in kinds().items() if listed is plugins)


def check_contract(plugins: Registry, name: str) -> None:
    """It is made by its name alone, is what its kind asks for, and has a card."""
    made = create(plugins, name)
    base = _base(plugins)
    if not isinstance(made, base):
        raise TypeError(
            f"{plugins.kind} {name!r} must be a {base.__name__}, got {made!r}; derive its class "
            f"from {base.__module__}.{base.__name__}."
        )
    if hasattr(made, "get_params"):
        clone(made)  # __init__ only assigns
    if plugins.card(name).summary == "No description.":
        raise ValueError(
            f"{plugins.kind} {name!r} must say what it is, got no docstring; its first sentence "
            "becomes the card."
        )


def _base(plugins):
    contract = import_module(f"{plugins.packages[0]}.base")
    own = {"method": "Expert", "data set": "Dataset"}.get(plugins.kind, plugins.kind.title())
    home = import_module("moe_lab.experts.base") if plugins.kind == "method" else contract
    return getattr(home, own)
