"""Secrets: a parameter says which environment variable holds one; its value is never written."""

import base64
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Redactor", "as_code", "check_secret", "is_reference", "is_secret"]

REDACTED = "[redacted]"
SHORTEST = 6  # characters: a shorter one would be found in words that are none
_WORD = re.compile(r"(?:^|_)(?:token|password|secret|api_key)(?:_|$)", re.IGNORECASE)
_REFERENCE = re.compile(r"env:([A-Za-z_]\w*)")


def is_secret(name: str) -> bool:
    """Tell whether a parameter holds a secret, by the words of its name.

    Examples
    --------
    >>> [is_secret(name) for name in ("hf_token", "api_key", "n_tokens", "secretary")]
    [True, True, False, False]
    """
    return bool(_WORD.search(name))


def is_reference(value: Any) -> bool:
    """Tell whether a value names an environment variable."""
    return isinstance(value, str) and bool(_REFERENCE.fullmatch(value))


def check_secret(name: str, value: Any) -> None:
    """Check that a secret is given as a reference to a variable that is set.

    Raises
    ------
    ValueError
        If it is not; the message does not show it.
    """
    if not is_secret(name) or value in ("", None):
        return
    if not is_reference(value):
        raise ValueError(
            f"{name} must be env:NAME, the environment variable that holds the secret, got "
            f"something else (not shown); export it and pass -p {name} env:NAME."
        )
    variable = value.removeprefix("env:")
    found = len(os.environ.get(variable, ""))
    if found < SHORTEST:
        came = f"{found} characters" if found else "none"
        raise ValueError(
            f"{name} must name a variable of at least {SHORTEST} characters, got {variable} with "
            f"{came}; export {variable}=..."
        )


def as_code(name: str, value: str) -> str | None:
    """Return the code by which a kernel reads a secret; None for any other parameter."""
    if not (is_secret(name) and is_reference(value)):
        return None
    return f'__import__("os").environ["{value.removeprefix("env:")}"]'


class Redactor:
    """Takes the values of secrets out of what is about to be written.

    Parameters
    ----------
    parameters : dict
        Of the run; those that are secrets name their variables.

    Examples
    --------
    >>> os.environ["A_TOKEN"] = "hunter-22"
    >>> Redactor({"token": "env:A_TOKEN"}).text("it is hunter-22")
    'it is [redacted]'
    """

    def __init__(self, parameters: dict):
        names = [
            value.removeprefix("env:")
            for name, value in parameters.items()
            if is_secret(name) and is_reference(value)
        ]
        values = [os.environ[name] for name in names if len(os.environ.get(name, "")) >= SHORTEST]
        forms = {form for value in values for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)  # the longer may hold the shorter

    def text(self, text: str) -> str:
        """Return a text without them."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return text

    def value(self, value: Any) -> Any:
        """Return what JSON can hold without them, however deep they lie."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            for name in list(value):
                value[name] = self.value(value[name])
        elif isinstance(value, list):
            value[:] = [self.value(one) for one in value]
        return value

    def files(self, paths: Iterable[Path]) -> None:
        """Rewrite the files that hold one, in whatever form a kernel's process has left it."""
        if not self._forms:
            return
        for path in paths:
            if path.is_file() and not path.is_symlink():
                before = path.read_bytes()
                after = before
                for form in self._forms:
                    after = after.replace(form.encode(), REDACTED.encode())
                if after != before:
                    path.write_bytes(after)


def _forms(value):
    """Return how a secret may stand in a file: plain, in a literal, in JSON, in a URL, base64."""
    yield value
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    yield base64.b64encode(value.encode()).decode()
