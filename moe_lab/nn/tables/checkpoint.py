"""Checkpoints of training: written whole or not at all, read without running what is in them."""

import os
import re
from pathlib import Path

import torch
from torch import nn


def write(path: str | os.PathLike, contents: dict) -> None:
    """Write a checkpoint.

    Raises
    ------
    ValueError
        If the file cannot be written.
    """
    path = Path(path).expanduser()
    unfinished = Path(f"{path}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(contents, unfinished)
        os.replace(unfinished, path)
    except (OSError, RuntimeError) as error:  # torch raises the latter
        raise ValueError(
            f"checkpoint must name a file that can be written, got {str(path)!r}. Name another."
        ) from error
    finally:
        if unfinished.exists():
            unfinished.unlink()


def read(path: str | os.PathLike, of: str, device: torch.device | str) -> dict | None:
    """Return a checkpoint's contents; None where there is no file.

    Parameters
    ----------
    path : path
    of : str
        What its entry ``of`` must be.
    device : device to read tensors to

    Raises
    ------
    ValueError
        If the file is no checkpoint, or another run's.
    """
    path = Path(path).expanduser()
    if not path.exists():
        return None
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        same = saved["of"] == of
    except Exception as error:  # torch raises many kinds at a file that is not its own
        raise ValueError(
            f"checkpoint must name a file that training wrote, or none, got {str(path)!r}."
        ) from error
    if not same:
        raise ValueError(
            "checkpoint must be of the same settings and data, random_state included, got "
            f"{str(path)!r} of others. Name another file, or delete this one."
        )
    return saved


def structure(net: nn.Module) -> list:
    """List the weights' shapes, and the modules with what they are set to: dropout, top_k, an
    activation."""
    shapes = [(name, tuple(part.shape)) for name, part in net.state_dict().items()]
    modules = [
        (name, type(module).__qualname__, sorted(_settings(module)))
        for name, module in net.named_modules()
    ]
    return [shapes, modules]


def _settings(module):
    for name, value in vars(module).items():
        if not name.startswith("_") and name != "training":
            yield name, re.sub(" at 0x[0-9a-f]+", "", repr(value))  # addresses differ
