"""Cards: what a plugin is, on one screen."""

import inspect
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any


@dataclass(frozen=True)
class Card:
    """What a registered name stands for; prints as text and shows as a table in a notebook.

    Parameters
    ----------
    name : str
        The registered name.
    kind : str
        The kind of plugin: divider, expert, gate, pooler, trainer, method or data set.
    summary : str
        First paragraph of its docstring.
    parameters : dict
        Parameter names and their defaults; `inspect.Parameter.empty` where there is none.
    origin : str
        The module, file, entry point or cell that registered it.
    notes : tuple of str, default=()
        The plugin's own `card_notes`.

    Examples
    --------
    >>> print(Card("constant", "gate", "The same weights for all rows.", {}, "moe_lab.gate"))
    gate 'constant': The same weights for all rows.
      parameters  none
      origin      moe_lab.gate
    """

    name: str
    kind: str
    summary: str
    parameters: dict = field(repr=False)
    origin: str
    notes: tuple[str, ...] = ()

    def __str__(self):
        rows = "\n".join(f"  {label:<11} {text}" for label, text in self._rows())
        return f"{self.kind} {self.name!r}: {self.summary}\n{rows}"

    def _repr_html_(self):
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(label)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for label, text in self._rows()
        )
        title = f"{escape(self.kind)} <b>{escape(self.name)}</b>: {escape(self.summary)}"
        return f"<table><caption style='text-align:left'>{title}</caption>{rows}</table>"

    def _rows(self):
        listed = (
            name if default is inspect.Parameter.empty else f"{name}={default!r}"
            for name, default in self.parameters.items()
        )
        yield "parameters", ", ".join(listed) or "none"
        yield "origin", self.origin
        yield from (("note", note) for note in self.notes)


def describe(name: str, kind: str, obj: Any, origin: str) -> Card:
    """Write the card of `obj`, a class or function, registered as `name`."""
    documented = obj.func if isinstance(obj, partial) else obj
    doc = inspect.getdoc(documented) or "No description."
    return Card(
        name=name,
        kind=kind,
        summary=" ".join(doc.partition("\n\n")[0].split()),
        parameters=parameters(obj),
        origin=origin,
        notes=tuple(getattr(documented, "card_notes", ())),
    )


def parameters(obj: Any) -> dict:
    """Return the named parameters of a class or function with their defaults."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        parameter.name: parameter.default
        for parameter in _signature(obj)
        if parameter.kind in named
    }


def takes_any(obj: Any) -> bool:
    """Tell whether a class or function takes parameters of any name."""
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in _signature(obj))


def _signature(obj):
    try:
        return inspect.signature(obj).parameters.values()
    except ValueError:  # some classes written in C tell nothing: let the call itself complain
        return [inspect.Parameter("params", inspect.Parameter.VAR_KEYWORD)]
