"""A fitted model as JSON and arrays: one walk over all that it is made of."""

from __future__ import annotations

import math
import types
from typing import Any

from moe_lab.registry.powers import has_power
from moe_lab.saving import containers, frames, native, scalars, sklearn_parts
from moe_lab.saving.files import FilesOut
from moe_lab.saving.kinds import type_name
from moe_lab.saving.names import Names, Unsaveable
from moe_lab.saving.powers import SavesState
from moe_lab.saving.state import state_of

KINDS = {
    name: kind
    for module in (scalars, containers, frames, native)
    for kind in module.KINDS
    for name in kind.types
}
PLAIN = (type(None), bool, int, str)
REFERENCES = (type, types.FunctionType, types.BuiltinFunctionType)


class Encoder:
    """Turns values into what JSON holds; arrays, tensors and boosters go into files beside it.

    Parameters
    ----------
    files : FilesOut
        Takes what has a format of its own.

    Attributes
    ----------
    objects : list of dict
        Every object of a class once, so that what two parts share stays shared.
    names : Names
        The classes and functions that were met; those that are plugins need to be trusted.
    """

    def __init__(self, files: FilesOut):
        self.files, self.names = files, Names()
        self.objects: list[dict] = []
        self._known: dict = {}  # id -> (value, node): the value is held, or its id would be reused
        self._path: list[str] = []

    def encode(self, value: Any, step: str = "") -> Any:
        """Return the node of a value, ``step`` below the one that is being encoded."""
        if type(value) in PLAIN or (type(value) is float and math.isfinite(value)):
            return value
        self._path.append(step)
        node = self._encode(value)
        self._path.pop()
        return node

    def refuse(self, value: object, why: str = "") -> Unsaveable:
        """Return the error for a value that cannot be saved: where it is and what to do."""
        return Unsaveable("".join(self._path).lstrip("."), value, why)

    def _encode(self, value):
        if type(value) is list:
            return [self.encode(one, f"[{i}]") for i, one in enumerate(value)]
        if isinstance(value, REFERENCES):
            return {"name": self.names.of(value, self.refuse)}
        kind = KINDS.get(type_name(type(value)))
        if kind is None or kind.shared:
            return self._once(value, kind)
        return {kind.name: kind.encode(value, self)}

    def _once(self, value, kind):
        """Give a value its place in ``objects``; what it is made of may lead back to it."""
        if id(value) not in self._known:
            self._known[id(value)] = value, {"ref": len(self.objects)}
            self.objects.append(entry := {})
            entry |= {kind.name: kind.encode(value, self)} if kind else self._object(value)
        return self._known[id(value)][1]

    def _object(self, value):
        if sklearn_parts.is_known(value):
            return {"sklearn": self.files.add_sklearn(value)}
        entry = {"class": self.names.of(type(value), self.refuse)}
        if has_power(value, SavesState):
            return {**entry, "own_state": self.encode(value.save_state(), ".save_state()")}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {**entry, "fields": [self.encode(one, f"[{i}]") for i, one in enumerate(value)]}
        return {**entry, **self._state(state_of(value, self.refuse))}

    def _state(self, state):
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            return {"state": self.encode(state)}
        return {"attributes": {name: self.encode(one, f".{name}") for name, one in state.items()}}
