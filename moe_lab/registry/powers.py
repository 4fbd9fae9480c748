"""Optional powers: what a part may have beyond its contract, and the one way to ask for it."""

import inspect
from functools import cache
from typing import Any, Generic, Literal, Protocol, TypeGuard, TypeVar, get_args, get_origin

__all__ = ["has_power", "members", "names_with"]

Power = TypeVar("Power")


def has_power(part: object, power: type[Power]) -> TypeGuard[Power]:
    """Say whether a part has a power.

    Parameters
    ----------
    part : object or class
        An expert, gate or pooler, fitted or not.
    power : Protocol
        Of its attributes those declared as ``bool`` must be true, those declared as a ``Literal``
        one of its values; all others, and its methods, must be there and not None.

    Examples
    --------
    >>> class Sings(Protocol):
    ...     loud: bool
    ...     def sing(self): ...
    >>> class Bird:
    ...     loud = True
    ...     def sing(self):
    ...         return "tweet"
    >>> has_power(Bird(), Sings), has_power(object(), Sings)
    (True, False)
    """
    asked = members(power)  # type: ignore[arg-type]  # a class is hashable
    return all(_fulfils(getattr(part, name, None), kind) for name, kind in asked.items())


def names_with(power: type, registry: Any) -> list[str]:
    """Return the names of a registry's plugins that have a power, for an error that lists them."""
    return [name for name, plugin in registry.items() if has_power(plugin, power)]


@cache
def members(power: Any) -> dict:
    """Return what a power asks for: name -> declared type, None for a method."""
    found: dict = {}
    for base in power.__mro__:
        if base not in (Protocol, Generic, object):
            own = [name for name in vars(base) if not name.startswith("_")]
            found |= dict.fromkeys(own) | inspect.get_annotations(base)
    return found


def _fulfils(value, kind):
    if kind is bool:
        return bool(value)
    return value in get_args(kind) if get_origin(kind) is Literal else value is not None
