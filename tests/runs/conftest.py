"""What the tests of runs share: a lab around them, scores, and runs that need no kernel."""

import time
from pathlib import Path

import pandas as pd
import pytest

from moe_lab.runs import run_notebook
from moe_lab.runs.store import new_scratch, publish


@pytest.fixture
def inside(lab, monkeypatch):
    """Work in a lab of our own, not under a runner; return it."""
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    monkeypatch.delenv("MOE_LAB_RUN_FOLDER", raising=False)
    monkeypatch.chdir(lab.root)
    return lab


@pytest.fixture
def table():
    """Make a table as `compare` writes it; methods by keyword with their mean score."""

    def make(dataset="d", data="f1", n_folds=4, **methods):
        rows = [
            {"method": method, "fold": fold, "score": score + 0.01 * fold}
            for method, score in (methods or {"stacking": 10.0, "moe": 8.0}).items()
            for fold in range(n_folds)
        ]
        fixed = {"dataset": dataset, "data": data, "task": "regression", "metric": "rmse"}
        seconds = {"fit_seconds": 1.0, "fit_cpu_seconds": 1.0, "predict_seconds": 0.1}
        rows = pd.DataFrame(rows).assign(**fixed, n_folds=n_folds, seed=0, **seconds)
        return rows.assign(n_train=75, n_test=25)

    return make


@pytest.fixture
def save():
    """Publish a run with these scores, and return its folder."""

    def publish_one(scores=None, experiment="exp", **record):
        folder = new_scratch("results")
        if scores is not None:
            scores.to_csv(folder / "scores.csv", index=False)
        return publish(
            folder, experiment, {"status": "done", "key": None, "parameters": {}} | record
        )

    return publish_one


class FakeKernel:
    """In place of `execute`: notes what it was asked, ends as it is told."""

    def __init__(self):
        self.asked, self.settings = [], {}
        self.status, self.error, self.depended, self.scores = "done", None, {}, None

    def __call__(self, notebook, folder, parameters, **settings):
        self.asked.append(parameters)
        self.settings = settings
        if self.scores is not None:
            self.scores(parameters).to_csv(folder / "scores.csv", index=False)
        return self.status, self.error, self.depended


@pytest.fixture
def kernel(monkeypatch):
    """Run notebooks without a kernel."""
    fake = FakeKernel()
    monkeypatch.setattr("moe_lab.runs.attempt.execute", fake)
    return fake


@pytest.fixture
def run():
    """Run a notebook, and return the outcomes."""

    def run_it(name="exp", settings=None, **given):
        return list(run_notebook(name, given, **(settings or {})))

    return run_it


@pytest.fixture
def gone():
    """Tell whether a process has ended, or does within seconds."""

    def has_gone(pid):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    return True
            except OSError:
                return True
            time.sleep(0.05)
        return False

    return has_gone
