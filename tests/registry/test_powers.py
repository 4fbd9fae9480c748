"""Powers: each is asked by one function, and a part that has it is found."""

import ast
from pathlib import Path
from typing import Literal, Protocol

import pytest

import moe_lab
from moe_lab.experts import powers as of_experts
from moe_lab.experts.spec import as_expert
from moe_lab.gate import powers as of_gates
from moe_lab.gate.base import as_gate
from moe_lab.pool import powers as of_poolers
from moe_lab.pool.base import poolers
from moe_lab.registry.powers import has_power, members

FILES = (of_experts, of_gates, of_poolers)
POWERS = [
    one
    for file in FILES
    for one in vars(file).values()
    if isinstance(one, type) and one.__module__ == file.__name__
]
FORWARDS = {"table/prepared.py"}  # it has the powers of the model behind it


class Flag(Protocol):
    flag: bool


class Word(Protocol):
    word: Literal["experts"]


class Method(Protocol):
    def call(self): ...


class Both(Flag, Method, Protocol):
    """Inherits what it asks for."""


class Part:
    def __init__(self, **attributes):
        vars(self).update(attributes)


@pytest.mark.parametrize(
    ("power", "has", "lacks"),
    [
        (Flag, {"flag": True}, [{}, {"flag": False}, {"flag": None}]),
        (Word, {"word": "experts"}, [{}, {"word": None}, {"word": "others"}]),
        (Method, {"call": print}, [{}, {"call": None}]),
        (Both, {"flag": True, "call": print}, [{"flag": True}, {"call": print}]),
    ],
)
def test_a_power_is_all_that_its_protocol_names(power, has, lacks):
    assert has_power(Part(**has), power)
    assert not any(has_power(Part(**lack), power) for lack in lacks)


@pytest.mark.parametrize("power", POWERS, ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_every_power_is_a_documented_protocol(power):
    assert power._is_protocol
    assert power.__doc__.split(".")[0]
    assert members(power)
    assert not has_power(object(), power)


@pytest.mark.parametrize(
    ("part", "power"),
    [
        (as_expert("linear").build("regression"), of_experts.Parametric),
        (as_expert("mlp").build("regression"), of_experts.IsNetwork),
        (as_expert("mlp"), of_experts.MakesNetworks),
        (as_expert("lightgbm").build("regression"), of_experts.CrossFits),
        (as_expert("stacker"), of_experts.StacksExperts),
        (as_gate("softmax"), of_gates.Parametric),
        (as_gate("mlp"), of_gates.IsNetwork),
        (as_gate("anchored"), of_gates.IsAnchored),
        (type(as_gate("softmax")), of_gates.FitsPooled),
        (as_gate("hierarchical"), of_gates.IsTree),
        (poolers.create("vote"), of_poolers.CountsVotes),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_built_ins_have_their_powers(part, power):
    assert has_power(part, power)


def asked_by_hand(source):
    """Return the powers that code looks for by hasattr or getattr, but on itself."""
    names = {name for power in POWERS for name in members(power)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("hasattr", "getattr"):
            part, name = node.args[:2]
            if getattr(part, "id", "") != "self" and getattr(name, "value", None) in names:
                yield name.value


def test_no_power_is_asked_by_hand():
    root = Path(moe_lab.__file__).parent
    found = {
        str(path.relative_to(root)): sorted(asked_by_hand(path.read_text()))
        for path in root.rglob("*.py")
    }
    assert {name for name, asked in found.items() if asked} <= FORWARDS
    assert list(asked_by_hand("getattr(part, 'scale_', 1) and hasattr(self, 'scale_')")) == [
        "scale_"
    ]
