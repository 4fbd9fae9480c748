"""A model made of its files again; only of classes that are built in or trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moe_lab.saving import containers, frames, native, scalars
from moe_lab.saving.files import MODEL, FilesIn
from moe_lab.saving.state import set_state

KINDS = {
    kind.name: kind for module in (scalars, containers, frames, native) for kind in module.KINDS
}


class Decoder:
    """Turns what `Encoder` made into values again.

    Parameters
    ----------
    files : FilesIn
        Checked ones.
    find : callable
        From a name to the class or function, if it is one that may be used.
    """

    def __init__(self, files: FilesIn, find: Callable[[str], Any]):
        self.files, self._find = files, find
        self._objects: list = []
        self._made: dict = {}  # number of an object -> it

    def model(self) -> Any:
        """Return the model; no object is made before every class is found."""
        with self.files.reading(MODEL) as data:
            told = json.loads(data)
            root, self._objects = told["model"], told["objects"]
            for one in self._objects:
                if "class" in one:
                    self._find(one["class"])
            return self.decode(root)

    def decode(self, node: Any) -> Any:
        """Return the value of a node."""
        if isinstance(node, list):
            return [self.decode(one) for one in node]
        if not isinstance(node, dict):
            return node
        ((name, content),) = node.items()
        if name == "ref":
            return self._object(content)
        if name == "name":
            return self._find(content)
        return KINDS[name].decode(content, self)

    def _object(self, number):
        if number not in self._made:
            self._make(number, self._objects[number])
        return self._made[number]

    def _make(self, number, entry):
        if "class" in entry:
            self._make_of_class(number, self._find(entry["class"]), entry)
        elif "sklearn" in entry:
            self._made[number] = self.files.sklearn(entry["sklearn"])
        else:
            self._made[number] = self.decode(entry)

    def _make_of_class(self, number, kind, entry):
        if "fields" in entry:
            self._made[number] = kind.__new__(kind, *self.decode(entry["fields"]))
            return
        made = self._made[number] = kind.__new__(kind)  # first: its state may lead back to it
        if "own_state" in entry:
            made.load_state(self.decode(entry["own_state"]))
        elif "attributes" in entry:
            attributes = entry["attributes"]
            set_state(made, {name: self.decode(one) for name, one in attributes.items()})
        else:
            set_state(made, self.decode(entry["state"]))
