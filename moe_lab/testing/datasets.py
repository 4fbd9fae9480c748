"""The laws of data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moe_lab.experts.fitting import fit_expert, predict_expert
from moe_lab.registry import datasets, experts

if TYPE_CHECKING:
    from moe_lab.datasets.base import Dataset

LEAST_ROWS = 20


def check_dataset_is_called_as_it_is_registered(dataset: Dataset) -> None:
    """Its name is the one that it is registered by."""
    assert dataset.name in datasets


def check_dataset_holds_rows_and_columns(dataset: Dataset) -> None:
    """It has twenty rows at least and a column that varies; the target is no column."""
    assert len(dataset.X) >= LEAST_ROWS
    assert dataset.X.nunique(dropna=False).max() > 1
    assert dataset.y.name not in dataset.X.columns


def check_dataset_is_the_same_every_time(dataset: Dataset) -> None:
    """Made twice, it holds the same cells."""
    again = datasets.create(dataset.name)
    pd.testing.assert_frame_equal(again.X, dataset.X)
    pd.testing.assert_series_equal(again.y, dataset.y)


def check_dataset_can_be_learnt(dataset: Dataset) -> None:
    """A linear expert can be fitted to its first rows and predicts them."""
    X, y = dataset.X.iloc[:500], dataset.y.iloc[:500]
    classes, codes = np.unique(y, return_inverse=True)
    n_classes = len(classes) if dataset.task == "classification" else None
    built = experts.create("linear").build(dataset.task, n_classes=n_classes)
    target = y.to_numpy(float) if n_classes is None else codes
    fitted = fit_expert(built, X, target, task=dataset.task)
    assert np.isfinite(predict_expert(fitted, X, n_classes=n_classes)).all()


DATASET_CHECKS = [
    check_dataset_is_called_as_it_is_registered,
    check_dataset_holds_rows_and_columns,
    check_dataset_is_the_same_every_time,
    check_dataset_can_be_learnt,
]
