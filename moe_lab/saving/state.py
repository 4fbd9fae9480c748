"""What an object is made of, as ``__getstate__`` tells, and an object made of that."""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from typing import Any

ITS_OWN_WAYS = ("__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")


def state_of(value: object, refuse: Callable) -> Any:
    """Return the attributes of an object, or what its ``__getstate__`` says instead.

    Raises
    ------
    Unsaveable
        If it is not made of its attributes: what C code holds, locks, files.
    """
    kind = type(value)
    own = (getattr(kind, name, None) is not getattr(object, name, None) for name in ITS_OWN_WAYS)
    if any(own) or kind in copyreg.dispatch_table or isinstance(value, list | dict):
        raise refuse(value)
    try:
        state = value.__getstate__()
    except TypeError as error:
        raise refuse(value) from error
    return _without_defaults(state) if _is_module(value) else state


def set_state(value: object, state: Any) -> None:
    """Let an object that ``__new__`` made be of this state."""
    if _is_module(value):
        _bare(value)
    if hasattr(value, "__setstate__"):
        value.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        vars(value).update(attributes)
    for name, one in (slots or {}).items():
        object.__setattr__(value, name, one)


def _is_module(value):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _bare(value):
    import torch

    torch.nn.Module.__init__(value)


def _without_defaults(state):
    """Leave out what every torch module has alike, a dozen dicts of hooks."""
    import torch

    bare = vars(torch.nn.Module())
    return {
        name: one
        for name, one in state.items()
        if name not in bare or type(one) is not type(bare[name]) or one != bare[name]
    }
