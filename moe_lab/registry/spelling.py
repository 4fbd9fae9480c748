"""Errors for unknown names: what came, what was meant, what there is."""

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'x'? " for the closest known name, "" where none is close.

    Examples
    --------
    >>> did_you_mean("sofmax", ["constant", "softmax"])
    "Did you mean 'softmax'? "
    >>> did_you_mean("zzz", ["constant", "softmax"])
    ''
    """
    from difflib import get_close_matches

    folded = {known_name.lower(): known_name for known_name in known}
    close = get_close_matches(str(name).lower(), folded, n=1)
    return f"Did you mean {folded[close[0]]!r}? " if close else ""


def unknown_name(
    kind: str, name: str, known: Iterable[str], *, owner: str = "", listed: str = "Registered"
) -> str:
    """Return the sentence for an unknown name.

    Examples
    --------
    >>> unknown_name("gate", "sofmax", ["constant", "softmax"])
    "Unknown gate 'sofmax'. Did you mean 'softmax'? Registered: constant, softmax."
    >>> unknown_name("parameter", "c", ["C"], owner="gate 'softmax'", listed="Parameters")
    "Unknown parameter 'c' of gate 'softmax'. Did you mean 'C'? Parameters: C."
    """
    known = sorted(known)
    of = f" of {owner}" if owner else ""
    there_is = f"{listed}: {', '.join(known) or 'none'}."
    return f"Unknown {kind} {name!r}{of}. {did_you_mean(name, known)}{there_is}"
