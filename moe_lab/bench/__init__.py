"""The bench: methods compared over the same folds, with paired statistics, figures and words.

Each name is imported when it is first used.
"""

import importlib

_PUBLIC = {
    "compare": "comparison",
    "fit_on_fold": "comparison",
    "fit_on_split": "comparison",
    "mixture": "lineup",
    "paired": "statistics",
    "leaderboard": "statistics",
    "summary": "statistics",
    "in_words": "words",
    "plot_scores": "figures",
    "plot_cost": "figures",
}

__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'moe_lab.bench' has no attribute {name!r}.")
    value = getattr(importlib.import_module(f"moe_lab.bench.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(globals().keys() | set(__all__))
