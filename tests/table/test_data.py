"""TrainingData: rows to train on, taken together."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from moe_lab import train
from moe_lab.table.data import TrainingData
from moe_lab.train import base


def test_it_is_importable_where_trainers_are():
    assert train.TrainingData is base.TrainingData is TrainingData


def test_rows_are_taken_with_all_that_is_known_of_them():
    table = pd.DataFrame({"x": np.arange(4.0), "word": list("abcd")})
    y, weight = np.array([0, 1, 2, 1]), np.array([1.0, 2.0, 3.0, 4.0])
    data = TrainingData(table, y, weight, np.array([5, 5, 6, 6]), "classification", 3)
    part = data.take(np.array([3, 0]))
    assert part.X["word"].tolist() == ["d", "a"]
    assert_array_equal(
        np.stack([part.y, part.sample_weight, part.groups]), [[1, 0], [4, 1], [6, 5]]
    )
    assert (len(part), part.task, part.n_classes, part.n_outputs) == (2, "classification", 3, 3)


def test_it_does_not_change():
    data = TrainingData(np.eye(2), np.zeros(2))
    assert_array_equal(data.sample_weight, 1)
    with pytest.raises(AttributeError):
        data.y = np.ones(2)


def test_folds_keep_groups_together():
    groups = np.repeat([0, 1, 2], 4)
    for fit, held_out in TrainingData(np.eye(12), np.zeros(12), groups=groups).folds(3):
        assert not set(groups[fit]) & set(groups[held_out])


@pytest.mark.parametrize(("task", "n_classes"), [("regression", 2), ("classification", None)])
def test_task_and_classes_must_agree(task, n_classes):
    with pytest.raises(ValueError, match="n_classes must be given for classification and None"):
        TrainingData(np.eye(2), np.zeros(2), task=task, n_classes=n_classes)
