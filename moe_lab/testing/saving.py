"""What the laws of saving share: a model written to a folder and loaded from it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from moe_lab.saving import load, save
from moe_lab.saving.manifest import Manifest
from moe_lab.saving.names import Unsaveable

__all__ = ["assert_same", "loaded_again"]


def loaded_again(model: Any) -> Any:
    """Return what ``load`` makes of what ``save`` wrote; a plugin's own code is trusted."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        try:
            save(model, folder)
        except Unsaveable as error:
            raise AssertionError(str(error)) from error
        return load(folder, trusted=Manifest.read(folder).plugins)


def assert_same(before: np.ndarray, after: np.ndarray) -> None:
    """Assert that two models say the same, to 1e-12."""
    assert_allclose(after, before, rtol=1e-12, atol=1e-12)
