"""The list of what a saved model may name: all that is built in, and nothing that is not."""

import importlib
import pkgutil
from inspect import isabstract, isclass

import pytest
from sklearn.base import BaseEstimator
from torch import nn

import moe_lab
from moe_lab import registry
from moe_lab.saving.names import find
from moe_lab.saving.trusted import IN_SKOPS, MENTIONED, OTHERS, OWN

PARTS = ("divide", "experts", "gate", "likelihood", "methods", "mixture", "nn", "pool", "train")
PLUGINS = [
    (kind, name)
    for kind in ("dividers", "experts", "gates", "poolers", "trainers", "methods")
    for name in getattr(registry, kind).names()
    if getattr(registry, kind).entry(name).origin.startswith("moe_lab.")
]


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_every_built_in_plugin_is_listed(kind, name):
    plugin = getattr(registry, kind).get(name)
    assert f"{plugin.__module__}.{plugin.__qualname__}" in OWN


def own_classes():
    for part in (*PARTS, "table"):
        package = importlib.import_module(f"moe_lab.{part}")
        for module in pkgutil.walk_packages(package.__path__[:1], f"{package.__name__}."):
            for name, found in vars(importlib.import_module(module.name)).items():
                if isclass(found) and found.__module__ == module.name and name[0] != "_":
                    yield found


def test_every_estimator_and_network_of_the_package_is_listed():
    """A pooler or gate to come is missed here as soon as its file is there."""
    parts = [one for one in own_classes() if issubclass(one, BaseEstimator | nn.Module)]
    names = {f"{one.__module__}.{one.__qualname__}" for one in parts if not isabstract(one)}
    assert len(names) > 80
    assert names - OWN == set()


def test_every_name_of_the_list_is_a_class_or_function_of_that_name():
    for name in sorted(OWN | OTHERS | MENTIONED | IN_SKOPS):
        module, _, own = name.rpartition(".")
        found = find(importlib.import_module(module), own)
        assert callable(found), name
        assert isclass(found) or name in MENTIONED, name


def test_the_list_holds_names_of_the_package_alone():
    assert all(name.startswith("moe_lab.") for name in OWN)
    assert moe_lab.__name__ not in OWN
