"""The files of a saved model, as bytes: what is written once all is encoded, and read once it
is checked."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.saving.trusted import IN_SKOPS

if TYPE_CHECKING:
    import torch

ENDINGS = {"lightgbm": "txt", "xgboost": "ubj", "catboost": "cbm"}
MODEL, ARRAYS, TENSORS, SKLEARN = (
    "model.json",
    "arrays.npz",
    "tensors.safetensors",
    "sklearn.skops",
)
FORMATS = {MODEL: "json", ARRAYS: "npz", TENSORS: "safetensors", SKLEARN: "skops"}


class Unreadable(ValueError):
    """A file of a model that is not what ``save`` wrote, or of other versions."""


def format_of(name: str) -> str | None:
    """Return the format of a file as its name says, None where no file is called so.

    Examples
    --------
    >>> format_of("xgboost_0.ubj"), format_of("model.pkl")
    ('xgboost', None)
    """
    library, _, number = name.partition(".")[0].partition("_")
    known = number.isdecimal() and name.partition(".")[2] == ENDINGS.get(library)
    return library if known else FORMATS.get(name)


class FilesOut:
    """Collects what goes into files."""

    def __init__(self):
        self._arrays: dict = {}
        self._tensors: dict = {}
        self._sklearn: list = []
        self._boosters: dict = {}

    def add_array(self, array: np.ndarray) -> str:
        """Take an array; return the name by which ``FilesIn.array`` gives it back."""
        name = f"a{len(self._arrays)}"
        self._arrays[name] = array
        return name

    def add_tensor(self, tensor: torch.Tensor) -> str:
        """Take a tensor, on the CPU."""
        name = f"t{len(self._tensors)}"
        self._tensors[name] = tensor.detach().cpu().contiguous().clone()
        return name

    def add_sklearn(self, part: Any) -> int:
        """Take an object that skops knows."""
        self._sklearn.append(part)
        return len(self._sklearn) - 1

    def add_booster(self, library: str, data: bytes) -> str:
        """Take a booster in its library's own format; return the name of its file."""
        number = sum(format_of(name) == library for name in self._boosters)
        name = f"{library}_{number}.{ENDINGS[library]}"
        self._boosters[name] = data
        return name

    def written(self) -> dict[str, bytes]:
        """Return the files, name -> content."""
        files = dict(self._boosters)
        if self._arrays:
            buffer = io.BytesIO()
            np.savez(buffer, **self._arrays)  # none holds objects, so that nothing is pickled
            files[ARRAYS] = buffer.getvalue()
        if self._tensors:
            from safetensors.torch import save

            files[TENSORS] = save(self._tensors)
        if self._sklearn:
            import skops.io

            files[SKLEARN] = skops.io.dumps(self._sklearn)
        return files


class FilesIn:
    """Gives back what `FilesOut` took.

    Parameters
    ----------
    files : mapping of str to bytes
        Checked ones.
    """

    def __init__(self, files: Mapping[str, bytes]):
        self._files = files
        self._opened: dict[str, Any] = {}

    @contextmanager
    def reading(self, name: Any) -> Iterator[bytes]:
        """Give the content of a file; what its parser then raises says which file it was."""
        if name not in self._files:
            raise Unreadable(f"A model must name files of its manifest, got {name!r} in {MODEL}.")
        try:
            yield self._files[name]
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(
                f"{name} must be readable, got {type(error).__name__}: {error}. Save the model "
                "again, or load it with the versions that its manifest names."
            ) from error

    def array(self, name: str) -> np.ndarray:
        """Return an array."""
        return self._part(ARRAYS, name)

    def tensor(self, name: str) -> torch.Tensor:
        """Return a tensor."""
        return self._part(TENSORS, name)

    def sklearn(self, number: int) -> Any:
        """Return an object that skops knows."""
        return self._part(SKLEARN, number)

    def _part(self, file, name):
        with self.reading(file) as data:
            if file not in self._opened:
                self._opened[file] = OPENS[file](data)
            return self._opened[file][name]


def _open_arrays(data):
    return np.load(io.BytesIO(data), allow_pickle=False)


def _open_tensors(data):
    from safetensors.torch import load

    return load(data)


def _open_sklearn(data):
    import skops.io

    needed = skops.io.get_untrusted_types(data=data)
    return skops.io.loads(data, trusted=[name for name in needed if name in IN_SKOPS])


OPENS = {ARRAYS: _open_arrays, TENSORS: _open_tensors, SKLEARN: _open_sklearn}
