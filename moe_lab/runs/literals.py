"""Values of parameters as text, and back: the same in the kernel, the key and the record."""

import ast
import json
import math
from collections.abc import Collection
from typing import Any

__all__ = ["from_json", "literal", "to_json"]


def literal(value: Any) -> str:
    """Write a value as Python reads it; equal values are written alike.

    Examples
    --------
    >>> literal((16, {"b", "a"})), literal({"rate": float("inf")})
    ("(16, {'a', 'b'})", "{'rate': 1e999}")
    """
    if type(value) in (list, tuple, set, dict):
        return _collection(value)
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    plain = value is None or value is ... or type(value) in (bool, int, float, complex, str, bytes)
    if plain and value == value:  # nan has no literal
        return repr(value)
    raise TypeError(
        f"A parameter must be a literal of Python, got {value!r} of type {type(value).__name__}; "
        "pass a name or numbers, and build the object in the notebook."
    )


def _collection(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(one)}" for k, one in value.items()) + "}"
    items = [literal(one) for one in value]
    if isinstance(value, set):
        return "{" + ", ".join(sorted(items)) + "}" if items else "set()"
    if isinstance(value, tuple):
        return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"
    return "[" + ", ".join(items) + "]"


def to_json(parameters: dict) -> tuple[dict, list[str]]:
    """Return parameters that JSON can hold, and the names of those written as literals.

    What is no literal, such as an array that a notebook passes to `open_run`, is told in words.
    """
    told, written = {}, []
    for name, value in parameters.items():
        told[name] = value
        if not _survives(value):
            try:
                told[name] = literal(value)
                written.append(name)
            except TypeError:
                told[name] = str(value)
    return told, written


def from_json(parameters: dict, written: Collection[str]) -> dict:
    """Undo `to_json`."""
    return {
        name: ast.literal_eval(value) if name in written else value
        for name, value in parameters.items()
    }


def _survives(value):
    """Tell whether a value comes back from JSON as it was."""
    try:
        return literal(json.loads(json.dumps(value, allow_nan=False))) == literal(value)
    except (TypeError, ValueError):
        return False
