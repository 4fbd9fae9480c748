"""How values of one kind are saved: as a node of JSON, with arrays and the like in files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of values.

    Parameters
    ----------
    name : str
        Of the node, ``{name: what encode returns}``.
    types : tuple of str
        Qualified names, so that no package is imported to ask whether a value is of its types.
    encode : callable
        ``encode(value, encoder)`` gives what JSON holds.
    decode : callable
        ``decode(node, decoder)`` gives the value.
    shared : bool, default=False
        Whether what two parts hold is one and the same after loading, too.
    """

    name: str
    types: tuple[str, ...]
    encode: Callable[[Any, Any], Any]
    decode: Callable[[Any, Any], Any]
    shared: bool = False


def type_name(kind: type) -> str:
    """Return the qualified name of a type; those of pandas by the name that users know.

    Examples
    --------
    >>> type_name(float)
    'builtins.float'
    """
    top = kind.__module__.partition(".")[0]
    return f"{'pandas' if top == 'pandas' else kind.__module__}.{kind.__qualname__}"
