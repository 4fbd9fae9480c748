"""What models have in common that hold a network. Listed without torch, which they import late."""

import copy
import itertools
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state


def present_rows(Z: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return the rows of positive weight: the others are as if absent."""
    return Z if sample_weight is None else Z[np.asarray(sample_weight) > 0]


class NetHolder:
    """A model with a fitted ``net_``: trains it alone, asks it, is pickled with it on the CPU."""

    def _descend(self, descent, parts, sample_weight, objective, random_state, hold_out):
        """Train ``net_`` on rows of positive weight; return the history, as `Descent` does.

        Parameters
        ----------
        descent : Descent
        parts : list of ndarray of n_samples rows
            The input first, then the targets.
        sample_weight : ndarray of shape (n_samples,) or None
        objective : callable, as for `Descent`
        random_state : int or RandomState
        hold_out : callable
            From a number of rows and a RandomState to the rows that train and those that stop.
        """
        import torch

        from moe_lab.nn.tables.descent_run import Stopped

        weight = np.ones(len(parts[0])) if sample_weight is None else np.asarray(sample_weight)
        present = weight > 0
        weight = (weight / weight[present].mean()).astype(np.float32)
        if not any(one.requires_grad for one in self.net_.parameters()):
            return []  # there is nothing to train
        device = self._net_device()
        data = [torch.as_tensor(part[present], device=device) for part in (*parts, weight)]
        rng = check_random_state(random_state)
        train, held_out = hold_out(len(data[0]), rng)
        settings = {"train": train, "held_out": held_out, "seed": rng.randint(2**31 - 1)}
        try:
            return descent.run(self.net_, data, objective, **settings)
        except Stopped as stopped:
            if not descent.verbose:
                raise KeyboardInterrupt(str(stopped)) from None  # no worker could hand it on
            kept = f"{stopped} The best weights so far are kept."
            warnings.warn(kept, ConvergenceWarning, stacklevel=4)
            return stopped.history

    def _ask(self, Z):
        """Return what ``net_`` says of Z, float64."""
        import torch

        from moe_lab.nn.tables.descent_run import ROWS_AT_ONCE

        device = self._net_device()
        Z = torch.as_tensor(Z, dtype=torch.float32).split(ROWS_AT_ONCE)
        with torch.no_grad():
            answers = [self.net_(rows.to(device)) for rows in Z]
        parts = [answer[0] if isinstance(answer, tuple) else answer for answer in answers]
        return torch.cat(parts).double().cpu().numpy()

    def _net_device(self):
        tensors = itertools.chain(self.net_.parameters(), self.net_.buffers())
        return next((one.device for one in tensors), "cpu")

    def __getstate__(self):
        state = super().__getstate__()
        if "net_" in state:  # what was trained on a CUDA device can be read without one
            state = {**state, "net_": copy.deepcopy(state["net_"]).cpu()}
        return state
