"""The bench: data sets, comparison, result store, statistics, figures, report.

All that notebooks and the command line call; each name is imported when it is first used.
"""

import importlib

_PUBLIC = {
    "Dataset": "datasets",
    "load_dataset": "datasets",
    "compare": "comparison",
    "fit_on_fold": "comparison",
    "fit_on_split": "comparison",
    "mixture": "lineup",
    "paired": "statistics",
    "leaderboard": "statistics",
    "summary": "statistics",
    "explain": "words",
    "plot_scores": "plots",
    "plot_cost": "plots",
    "plot_gate_weights": "gate_plots",
    "plot_trust": "gate_plots",
    "open_run": "run",
    "read_runs": "runs",
    "read_scores": "runs",
    "run_notebook": "runner",
    "write_report": "report",
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
