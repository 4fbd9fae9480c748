"""Runs: notebooks executed into results/, and what is read and reported from there.

Each name is imported when it is first used.
"""

from moe_lab.registry.lazy import lazy_names

_PUBLIC = {
    "load": "loading",
    "open_run": "run",
    "read_runs": "read",
    "read_scores": "read",
    "run_notebook": "runner",
    "sweep": "sweeps",
    "write_report": "report",
}

__all__ = list(_PUBLIC)

__getattr__, __dir__ = lazy_names(globals(), _PUBLIC)
