"""The study of the level above the experts: its rules find what is planted."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax

from moe_lab.studies.level_two import _log_linear, main, rules
from moe_lab.table import Reading
from moe_lab.table.data import TrainingData


def test_the_gradient_inside_the_log_linear_pool_is_right():
    rng = np.random.default_rng(0)
    logs = np.log(rng.dirichlet(np.ones(3), size=(5, 2)))
    y, bias, scores = rng.integers(3, size=5), rng.normal(size=3), rng.normal(size=(5, 2))

    def loss(scores):
        pooled = np.einsum("nk,nkc->nc", softmax(scores, axis=1), logs)
        return -log_softmax(1.3 * pooled + bias, axis=1)[np.arange(5), y].sum()

    slopes, curvature = _log_linear(logs, y, 1.3, bias)(scores, None)
    assert (curvature > 0).all()
    for at in np.ndindex(scores.shape):
        step = np.zeros_like(scores)
        step[at] = 1e-6
        assert_allclose((loss(scores + step) - loss(scores - step)) / 2e-6, slopes[at], atol=1e-6)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_weights_that_vary_win_where_each_expert_knows_one_side(task):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(-1, 1, size=(1200, 2)), columns=["side", "other"])
    right = np.stack([X["side"] > 0, X["side"] <= 0], axis=1)
    if task == "regression":
        y = X["other"].to_numpy()
        said = y[:, None, None] + np.where(right, 0.05, 1.0)[:, :, None] * rng.normal(
            size=(1200, 2, 1)
        )
    else:
        y = rng.integers(3, size=1200)
        sure = np.where(right, 0.9, 1 / 3)[:, :, None]
        said = np.where(np.eye(3, dtype=bool)[y][:, None], sure, (1 - sure) / 2)
    n_classes = None if task == "regression" else 3
    data = TrainingData(X[:600], y[:600], task=task, n_classes=n_classes).read()
    answers = rules(data, said[:600], Reading.of(X[600:].reset_index(drop=True)), said[600:])

    def loss(name):
        if task == "regression":
            return np.mean((answers[name][:, 0] - y[600:]) ** 2)
        return -np.mean(np.log(answers[name][np.arange(600), y[600:]]))

    assert loss("boosted") < 0.8 * loss("constant")
    assert loss("regions") < 0.95 * loss("constant")


@pytest.mark.slow
def test_the_command_writes_scores_and_page(tmp_path):
    out = tmp_path / "study"
    arguments = ["--datasets", "mcycle", "--n-train", "60", "--seeds", "2", "--out", str(out)]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    page = (out / "README.md").read_text()
    assert "| mcycle | rmse |" in page
    assert "- machine: " in page
    assert set(pd.read_csv(out / "scores.csv")["method"]) == {
        *("constant", "constant + correction", "boosted", "boosted + correction", "regions")
    }
