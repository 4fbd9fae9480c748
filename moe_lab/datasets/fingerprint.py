"""The fingerprint of a data set: equal for equal data, whatever file or name they come from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moe_lab.datasets.base import Dataset

__all__ = ["fingerprint"]


def fingerprint(dataset: Dataset) -> str:
    """Return a hash of a data set: cells, columns, types, target, groups and task.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    fingerprint : str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{dataset.task} {dataset.time_ordered}".encode())
    columns = [dataset.X.iloc[:, position] for position in range(dataset.X.shape[1])]
    for part in (*columns, dataset.y, dataset.groups):
        if part is not None:
            digest.update(f"{part.name} {part.dtype}".encode())
            digest.update(_hash(part))
    return digest.hexdigest()[:16]


def _hash(part):
    from pandas.util import hash_pandas_object

    try:
        hashes = hash_pandas_object(part, index=False)
    except TypeError:  # cells that are lists
        hashes = hash_pandas_object(part.astype(str), index=False)
    return hashes.to_numpy().tobytes()
