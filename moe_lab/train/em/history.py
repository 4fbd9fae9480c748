"""What EM writes down: every round, and what every start reached."""

from typing import Any

import numpy as np
import pandas as pd


class History:
    """Collects the rows of ``history_`` and ``starts_``.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
    """

    def __init__(self, weight: np.ndarray):
        self.weight = weight
        self._rows: list[dict] = []
        self._reached: dict[int, dict] = {}

    def __len__(self) -> int:
        """How many rounds were added."""
        return len(self._rows)

    def add(self, run: Any, step: str, responsibilities: np.ndarray) -> dict:
        """Add a round: "em" or "quasi_newton", with the effective sample size of each expert;
        return its row."""
        squares = np.einsum("n,nk,nk->k", self.weight**2, responsibilities, responsibilities)
        mass = self.weight @ responsibilities
        sizes = np.divide(mass**2, squares, out=np.zeros(len(mass)), where=squares > 0)
        row: dict = {"log_likelihood": run.log_likelihood, "objective": run.objective}
        row |= {"start": run.start, "step": step}
        row |= {f"effective_size_{k}": s for k, s in zip(run.parts.alive, sizes, strict=True)}
        self._rows.append(row)
        return row

    def note(self, run: Any, n_rounds: int) -> None:
        """Note what a start has reached, in how many rounds."""
        self._reached[run.start] = {
            "log_likelihood": run.log_likelihood,
            "objective": run.objective,
            "n_experts": len(run.parts.alive),
            "n_rounds": n_rounds,
        }

    def table(self) -> pd.DataFrame:
        """One row per round."""
        return pd.DataFrame(self._rows)

    def starts(self) -> pd.DataFrame:
        """One row per start."""
        return pd.DataFrame.from_dict(self._reached, orient="index").rename_axis("start")
