"""Runs: notebooks executed into results/, and what is read and reported from there.

Each name is imported when it is first used.
"""

import importlib

_PUBLIC = {
    "open_run": "run",
    "read_runs": "read",
    "read_scores": "read",
    "run_notebook": "runner",
    "write_report": "report",
}

__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'moe_lab.runs' has no attribute {name!r}.")
    value = getattr(importlib.import_module(f"moe_lab.runs.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(globals().keys() | set(__all__))
