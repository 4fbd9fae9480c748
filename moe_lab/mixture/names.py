"""What the experts of a mixture are called."""

from collections.abc import Mapping
from typing import Any

from moe_lab.experts.names import numbered


def expert_names(mixture: Any) -> list[str]:
    """Return a name of its own for each expert.

    Tables, figures, reports and warnings call an expert so.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> expert_names(SimpleNamespace(expert_names_=["linear", "lightgbm", "linear"]))
    ['linear 0', 'lightgbm', 'linear 1']
    >>> expert_names(SimpleNamespace(expert_names_=["linear", "linear"]))
    ['expert 0', 'expert 1']
    """
    if isinstance(getattr(mixture, "experts", None), Mapping):
        return list(mixture.expert_names_)
    return numbered(mixture.expert_names_)
