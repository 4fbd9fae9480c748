"""Runs: notebooks executed into results/, and what is read and reported from there.

A run is one notebook executed with one set of parameters; an experiment is a set of runs; a sweep
is a grid that makes one. Parameters are checked, names and types, before the first kernel starts.
A run is a folder that appears by one rename when all is in it, so that there is no half of one:

- ``run.json``, written last: status (done, failed, died, timeout), parameters, versions, seconds;
- ``scores.csv``, figures, the executed notebook, and the log.

Nothing else is the truth: leaderboards and reports are made anew from these folders. A run's key is
the notebook's code, its parameters, the data and the package; one that is done is skipped, one that
failed is kept with its log, and repeated on request.

- In a notebook: `open_run`, then ``run.save_scores``, ``run.save_figure``, ``run.publish``.
- From outside: `run_notebook` (``moe-lab run``), `sweep` (``moe-lab sweep``), on several processes
  or a Dask cluster.
- Afterwards: `load` is all of an experiment as one table, `read_scores` the latest score of each
  fit, `write_report` (``moe-lab report``) one file to send.

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
