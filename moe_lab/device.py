"""Where torch, xgboost and lightgbm compute: the CPU, or a CUDA device that is really there."""

import ctypes.util
import functools
import os
import sys

# What the drivers of NVIDIA, of Windows' Linux and of AMD (torch calls these cuda, too) leave.
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def resolve_device(device: str = "auto") -> str:
    """Return the device to compute on.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        "auto" is "cuda" where a CUDA device works, else "cpu".

    Returns
    -------
    device : str
        "cpu", "cuda" or "cuda:N".

    Raises
    ------
    ValueError
        If the device is asked for by name and is not there: xgboost alone would compute on the CPU
        and not say so.

    Examples
    --------
    >>> resolve_device("cpu")
    'cpu'
    """
    name = str(device)
    if name == "auto":
        return "cuda" if cuda_device_count() else "cpu"
    if name == "cpu":
        return name
    kind, _, number = name.partition(":")
    if kind != "cuda" or (name != "cuda" and not number.isdigit()):
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got device={device!r}. "
            "Use 'auto' for a CUDA device where there is one."
        )
    count = cuda_device_count()
    if int(number or 0) >= count:
        there_is = f"CUDA devices that torch can use here: {count}"
        raise ValueError(
            f"device must be one that works, got device={device!r} ({there_is}). "
            "Use device='auto' or 'cpu', or install a torch built for CUDA (pytorch.org)."
        )
    return name


@functools.cache
def cuda_device_count() -> int:
    """Count the CUDA devices that work: torch must compute on one, not only list it."""
    if not _has_driver():  # spares the import of torch, 2 CPU seconds
        return 0
    try:
        import torch
    except ImportError:
        return 0
    if not torch.cuda.is_available():
        return 0
    try:
        torch.ones(1, device="cuda").add_(1).item()
    except RuntimeError:  # a card too old for this torch, a driver that does not fit, no memory
        return 0
    return torch.cuda.device_count()


def _has_driver():
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    return any(map(os.path.exists, _DRIVERS))


def device_number(device: str) -> int:
    """Return N of "cuda:N"; 0 where no number is given.

    Examples
    --------
    >>> device_number("cuda:1"), device_number("cuda")
    (1, 0)
    """
    return int(device.partition(":")[2] or 0)
