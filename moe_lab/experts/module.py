"""Module expert: any torch module of your own."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.experts.net import NetExpert

if TYPE_CHECKING:
    import torch


class ModuleExpert(NetExpert):
    """A torch module of your own, behind the table's embeddings.

    The class of a module is such an expert as it stands: ``MoERegressor(MyNet, n_experts=3)``, and
    so is ``experts.register("my_net", module=MyNet)``.

    Parameters
    ----------
    make : class or callable
        ``make(n_inputs, n_outputs)`` gives the Module, from (n_samples, n_inputs) to (n_samples,
        n_outputs): of one number, or of a logit for each class. It may return a pair of this and a
        loss, to be added while training. To be pickled, it must be importable: no lambda.
    params : dict, optional
        Passed to ``make`` by name.
    n_bins : int, default=0
        Pieces between the quantiles of a number, by which it is embedded; 0: read as it is.
    learning_rate, weight_decay, max_epochs, patience, verbose
        As for the mlp expert.

    Examples
    --------
    >>> from torch import nn
    >>> class Tanh(nn.Sequential):
    ...     def __init__(self, n_inputs, n_outputs):
    ...         super().__init__(nn.Linear(n_inputs, 8), nn.Tanh(), nn.Linear(8, n_outputs))
    >>> expert = ModuleExpert(Tanh, max_epochs=50)
    """

    title = "module"

    def __init__(
        self,
        make: Any,
        params: dict | None = None,
        n_bins: int = 0,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 100,
        patience: int = 10,
        verbose: int = 0,
    ):
        self.make = make
        self.params = params
        self.n_bins = n_bins
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def body(self, chunks: list[int], n_outputs: int) -> torch.nn.Module:
        from torch import nn

        given = isinstance(self.make, nn.Module)
        net = None if given else self.make(sum(chunks), n_outputs, **self.params or {})
        if not isinstance(net, nn.Module):
            raise TypeError(
                "make must be the class of a torch Module, or a function that makes one of "
                f"n_inputs and n_outputs, got {self.make!r}{'' if given else f' that made {net!r}'}"
                "."
            )
        return net

    def module(self, Z: np.ndarray, n_levels: list[int], n_outputs: int) -> torch.nn.Module:
        net = super().module(Z, n_levels, n_outputs)
        _check_shape(net, Z[:2], n_outputs)
        return net


def _check_shape(net, Z, n_outputs):
    import torch

    net.eval()
    with torch.no_grad():
        answer = net(torch.as_tensor(Z))
    said, loss = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, 0.0)
    if np.ndim(loss) or loss is None:
        got = None if loss is None else f"shape {tuple(loss.shape)}"
        raise ValueError(
            f"The loss that a module returns must be one number, got {got}. Return its mean."
        )
    if not torch.is_tensor(said) or said.shape != (len(Z), n_outputs):
        shape = tuple(said.shape) if torch.is_tensor(said) else type(said).__name__
        raise ValueError(
            f"A module must return (n_samples, {n_outputs}) for (n_samples, n_inputs), or a pair "
            f"of this and a loss, got {shape} for {len(Z)} rows. End it with n_outputs columns."
        )


class ModuleFactory:
    """What ``experts.register(name, module=...)`` registers: makes a ModuleExpert."""

    def __init__(self, make: Any):
        self.make = make
        self.__doc__ = make.__doc__
        self.__signature__ = inspect.signature(partial(ModuleExpert, make))

    def __call__(self, **params):
        return ModuleExpert(self.make, **params)
