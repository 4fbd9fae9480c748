"""The run that a notebook opens, fills and publishes, wherever it is executed."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from moe_lab.progress import RUN_FOLDER
from moe_lab.runs.provenance import provenance, versions
from moe_lab.runs.store import check_writable, drop_scratch, new_scratch, publish

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Run", "open_run"]


def open_run(*, results_dir: str | Path = "results", parameters: dict, notebook: str) -> Run:
    """Begin a run: call it before the work, so that a results folder in the way is told first.

    Parameters
    ----------
    results_dir : str, default="results"
        Relative to the lab root.
    parameters : dict
        What the notebook was run with.
    notebook : str
        The notebook's name, which is the experiment's.

    Returns
    -------
    run : Run

    Raises
    ------
    ValueError
        If the results folder cannot be written.
    """
    folder = os.environ.get(RUN_FOLDER)
    if not folder:
        check_writable(results_dir)
    return Run(notebook, parameters, results_dir, Path(folder) if folder else None)


class Run:
    """Scores and figures on their way to the results folder; made by `open_run`.

    Under `moe-lab run` files go to the folder of the run in progress, and the runner publishes
    it when the last cell has ended. Elsewhere (JupyterLab, papermill) they are kept in memory
    until `publish`, so that a kernel which stops early leaves nothing behind.
    """

    def __init__(
        self, notebook: str, parameters: dict, results_dir: str | Path, folder: Path | None
    ):
        self.notebook = notebook
        self.parameters = dict(parameters)
        self.results_dir = results_dir
        self.folder = folder
        self._files: dict[str, bytes] = {}
        self._path: Path | None = None
        self._start = time.time()

    def __repr__(self):
        return f"Run({self.notebook!r}, {'published' if self._path else 'open'})"

    def save_scores(self, scores: pd.DataFrame) -> None:
        """Keep the table of `compare` as scores.csv."""
        self._keep("scores.csv", scores.to_csv(index=False).encode())

    def save_figure(self, figure: Figure, name: str) -> None:
        """Keep a matplotlib figure as figures/NAME.png."""
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=150, bbox_inches="tight")
        self._keep(f"figures/{name}.png", image.getvalue())

    def publish(self) -> Path | None:
        """Let the run appear in results/NOTEBOOK/runs/, by one rename.

        A run published by its notebook has no key: cells may have been edited, or run out of
        order. `moe-lab run` therefore never takes it for its own, finished one.

        Returns
        -------
        path : Path or None
            The run's folder; None under `moe-lab run`, which publishes by itself.
        """
        if self.folder or self._path:
            return self._path
        scratch = new_scratch(self.results_dir)
        try:
            for name, content in self._files.items():
                _write(scratch / name, content)
            self._path = publish(scratch, self.notebook, self._record())
        finally:
            drop_scratch(scratch)
        return self._path

    def _keep(self, name, content):
        if self._path:
            raise ValueError(
                f"A run must be open to take {name}, got one published as {self._path}; "
                "run the cell with open_run again."
            )
        if self.folder:
            _write(self.folder / name, content)
        else:
            self._files[name] = content

    def _record(self):
        return {
            "status": "done",
            "key": None,
            "experiment": self.notebook,
            "by": "notebook",
            "parameters": self.parameters,
            "versions": versions(),
            **provenance(self.parameters),
            "seconds": round(time.time() - self._start, 1),
            "error": None,
        }


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
