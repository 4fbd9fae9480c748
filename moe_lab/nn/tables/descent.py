"""Gradient descent on a table: its settings, and what an objective says."""

# shapes: (n)samples

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from moe_lab.nn import processes
from moe_lab.nn.tables.descent_run import Run

SCHEDULES = ("constant", "cosine", "plateau")
PRECISIONS = ("bfloat16", "float16", "float32")


class Terms(NamedTuple):
    """What an objective says of a batch."""

    loss: Tensor  # (n,): its weighted mean is minimised
    score: Tensor  # (n,): its weighted mean over held-out rows stops training
    extra: Tensor | float = 0.0  # (): added to the mean loss, such as a balancing loss
    watched: dict = {}  # name -> (n,): its weighted sum over an epoch enters the history


@dataclass(frozen=True)
class Descent:
    """AdamW on minibatches until held-out rows say stop.

    Parameters
    ----------
    learning_rate, weight_decay : float
    max_epochs : int
    patience : int
        Epochs without a better held-out score before training stops.
    batch_size : int, optional
        Default: a twentieth of the rows, from 16 to 256.
    schedule : {"plateau", "cosine", "constant"}
        The learning rate falls whenever the held-out score stalls, along half a cosine over
        ``max_epochs``, or never.
    precision : {"float32", "bfloat16", "float16"}
        In which the network computes (autocast); weights and losses stay in float32. "float16"
        needs a CUDA device.
    checkpoint : path, optional
        Written after every epoch; a run that finds one of the same settings and data goes on from
        there, as if it had never been stopped.
    shared : bool
        Whether the processes of torchrun share each minibatch.
    title : str
        Of the progress bar.
    verbose : int
        1 shows the bar.
    """

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    max_epochs: int = 100
    patience: int = 10
    batch_size: int | None = None
    schedule: str = "plateau"
    precision: str = "float32"
    checkpoint: str | os.PathLike | None = None
    shared: bool = False
    title: str = "descent"
    verbose: int = 0

    def __post_init__(self):
        for name in ("max_epochs", "patience", "batch_size"):
            value = getattr(self, name)
            if value is None and name == "batch_size":
                continue
            if not (isinstance(value, Integral) and value >= 1):
                raise ValueError(f"{name} must be a whole number, 1 or more, got {name}={value!r}.")
        if not (isinstance(self.learning_rate, Real) and self.learning_rate > 0):
            raise ValueError(
                f"learning_rate must be positive, got learning_rate={self.learning_rate!r}."
            )
        if not (isinstance(self.weight_decay, Real) and self.weight_decay >= 0):
            raise ValueError(
                f"weight_decay must be at least 0, got weight_decay={self.weight_decay!r}."
            )
        for name, known in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}."
                )

    def run(
        self,
        net: nn.Module,
        data: tuple,
        objective: Callable,
        *,
        train: np.ndarray,
        held_out: np.ndarray,
        seed: int,
        of: Sequence = (),
    ) -> list[dict]:
        """Train a network in place; it ends in eval with its best weights.

        Parameters
        ----------
        net : Module on a device
        data : tuple of Tensors of n_samples rows on the same device
            The input of ``net`` first, sample weights last.
        objective : callable
            ``objective(net(X), *targets)`` gives `Terms`.
        train, held_out : ndarray of int
            Row numbers.
        seed : int
        of : sequence
            What else must be equal to go on from a checkpoint: where the weights come from.

        Returns
        -------
        history : list of dict, one an epoch
            Mean ``loss``, ``held_out`` score, ``learning_rate``, and what the objective watches.

        Raises
        ------
        Stopped
            If it is interrupted after an epoch; the net has its best weights.
        """
        run = Run(self, net, data, objective, seed, [train, held_out, *of])
        run.load()
        rows = (torch.as_tensor(rows, device=data[0].device) for rows in (train, held_out))
        with processes.alone(not run.several):
            run.go(*rows)
        return run.state.history
