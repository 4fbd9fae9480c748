"""AutoGluon as a rival: what is exported, what a fake AutoGluon makes of it, how it is scored."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from moe_lab.bench import compare
from moe_lab.datasets.base import Dataset
from moe_lab.studies.autogluon.fit import read_table
from moe_lab.studies.autogluon.study import collect, export, fit, main, place_script

FAKE = '''
"""Predicts the mean, or the shares of the classes."""
import numpy as np, pandas as pd

class TabularPredictor:
    def __init__(self, label, problem_type, eval_metric, path, verbosity):
        self.label, self.problem_type = label, problem_type

    def fit(self, train, presets, time_limit, num_cpus, num_gpus):
        assert (presets, time_limit, num_cpus) == ("good_quality", 5.0, 2)
        self.y = train[self.label]

    def predict(self, test):
        return pd.Series(self.y.mean(), index=test.index)

    def predict_proba(self, test):
        share = self.y.value_counts(normalize=True).sort_index()
        return pd.DataFrame(np.tile(share, (len(test), 1)), columns=share.index)
'''
ROWS = {"n_train": 40, "n_test": 30}


def made(task) -> Dataset:
    rng = np.random.default_rng(0)
    colour = pd.Series(rng.choice(["None", "NA", "red"], 80)).astype("category")
    X = pd.DataFrame({"size": rng.normal(size=80), "colour": colour.where(rng.random(80) > 0.2)})
    X.loc[3, "size"] = np.nan
    y = rng.normal(size=80) if task == "regression" else rng.choice(["x", "y", "z"], 80)
    return Dataset("made", X, pd.Series(y), task)


@pytest.fixture
def its_path(tmp_path) -> Path:
    """A folder with a fake AutoGluon, as pip would have put it there."""
    package = tmp_path / "site" / "autogluon" / "tabular"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(FAKE)
    info = tmp_path / "site" / "autogluon_tabular-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: autogluon.tabular\nVersion: 0\n")
    return tmp_path / "site"


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_what_it_predicts_is_scored_as_compare_scores(task, tmp_path, its_path):
    from sklearn.dummy import DummyClassifier, DummyRegressor

    dataset, folder = made(task), tmp_path / "splits"
    for seed in (0, 1):
        export(dataset, folder, **ROWS, seed=seed, time_limit=5.0)
    script = place_script(folder)
    command = [sys.executable, str(script), str(folder)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(its_path)})

    same = DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")
    ours = compare({"same": same}, dataset, seeds=(0, 1), **ROWS, progress=False)
    theirs = collect(folder)
    assert set(ours.columns) | {"asked"} == set(theirs.columns)
    on = ["dataset", "task", "n_folds", "seed", "fold", "n_train", "n_test", "metric"]
    both = ours.merge(theirs, on=on)
    assert len(both) == len(ours) == len(theirs)
    assert np.allclose(both["score_x"], both["score_y"], rtol=1e-9)
    assert (theirs[["fit_seconds", "fit_cpu_seconds", "predict_seconds"]] >= 0).all(axis=None)


def test_a_table_reads_back_as_it_was(tmp_path):
    dataset = made("regression")
    split = export(dataset, tmp_path, **ROWS, seed=0, time_limit=5.0)
    asked = json.loads((split / "split.json").read_text())
    table = read_table(split / "train.csv", asked)

    rows = pd.Index(dataset.y).get_indexer(table["__target__"])
    assert (rows >= 0).all()
    assert table["size"].equals(dataset.X["size"].iloc[rows].reset_index(drop=True))
    expected = dataset.X["colour"].astype(object).iloc[rows].tolist()
    expected = ["-" if one != one else one for one in expected]
    assert table["colour"].astype(object).fillna("-").tolist() == expected


def test_a_split_that_was_fitted_is_kept_and_one_asked_otherwise_is_not(tmp_path):
    asked = {"n_train": 40, "n_test": 30, "seed": 0}
    split = export(made("regression"), tmp_path, **asked, time_limit=5.0)
    (split / "seconds.json").write_text("{}")

    export(made("regression"), tmp_path, **asked, time_limit=5.0)
    assert (split / "seconds.json").exists()
    export(made("regression"), tmp_path, **asked, time_limit=6.0)
    assert not (split / "seconds.json").exists()


def test_a_python_without_autogluon_is_told(tmp_path):
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(ImportError, match="autogluon.tabular is not installed for .*pip install"):
        fit(tmp_path, str(bare))
    with pytest.raises(ValueError, match="must hold a fitted split, got none"):
        collect(tmp_path)


def test_without_a_python_splits_are_written_and_the_command_is_told(tmp_path):
    asked = ["--datasets", "mcycle", "--seeds", "2", "--write", str(tmp_path)]
    done = CliRunner().invoke(main, asked)

    assert done.exit_code == 0, done.output
    assert "fit.py" in done.output
    assert len(list(tmp_path.glob("mcycle-2000-*/train.csv"))) == 2
