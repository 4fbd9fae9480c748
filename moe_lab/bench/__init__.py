"""The bench: methods compared over the same folds, with paired statistics, figures and words.

Each name is imported when it is first used.
"""

from moe_lab.registry.lazy import lazy_names

_PUBLIC = {
    "calibration_in_words": "words",
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

__getattr__, __dir__ = lazy_names(globals(), _PUBLIC)
