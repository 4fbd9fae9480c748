"""What a plugin may have to be saved its own way; ask with ``has_power``."""

from typing import Any, Protocol


class SavesState(Protocol):
    """Says what it is made of, parameters included; default: all its attributes.

    What ``save_state`` returns may hold numbers, text, lists, tuples, dicts, numpy arrays, frames
    of pandas, torch tensors, boosters and estimators. A plugin needs it where an attribute is of
    another kind.
    """

    def save_state(self) -> Any:
        """Return what ``load_state`` makes it from."""

    def load_state(self, state: Any) -> None:
        """Take over what ``save_state`` returned; called without ``__init__`` before it."""
