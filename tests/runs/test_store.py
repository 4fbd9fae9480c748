"""The result store: whole runs or none, keys that tell runs apart, scores of the latest."""

import json
import os
import shutil
from datetime import datetime

import nbformat
import pandas as pd
import pytest

from moe_lab.datasets import load_dataset
from moe_lab.runs import open_run, read_runs, read_scores
from moe_lab.runs.key import fingerprint, run_key
from moe_lab.runs.notebook import parameter_cell
from moe_lab.runs.provenance import git_commit, versions
from moe_lab.runs.store import check_writable, drop_scratch, new_scratch, publish, results_folder


@pytest.fixture(autouse=True)
def inside(lab, monkeypatch):
    """Work in a lab of our own, not under a runner."""
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    monkeypatch.delenv("MOE_LAB_RUN_FOLDER", raising=False)
    monkeypatch.chdir(lab.root)


def scores(method="moe", score=1.0, fold=0) -> pd.DataFrame:
    row = {"dataset": "d", "task": "regression", "method": method, "n_folds": 2, "seed": 0}
    return pd.DataFrame([{**row, "fold": fold, "metric": "rmse", "score": score}])


def save(table, status="done", key="k", experiment="exp"):
    folder = new_scratch("results")
    table.to_csv(folder / "scores.csv", index=False)
    return publish(folder, experiment, {"status": status, "key": key, "parameters": {}})


def everything(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_run_appears_whole_and_leaves_no_scratch(lab):
    path = save(scores())

    assert path.parent == lab.root / "results" / "exp" / "runs"
    assert everything(path) == ["run.json", "scores.csv"]
    assert everything(lab.root / "results") == [
        "exp",
        "exp/runs",
        *(f"exp/runs/{path.name}{part}" for part in ("", "/run.json", "/scores.csv")),
    ]
    record = json.loads((path / "run.json").read_text())
    assert datetime.fromisoformat(record["finished"]).tzinfo is not None


def test_two_runs_of_one_second_keep_apart():
    assert len({save(scores()) for _ in range(3)}) == 3
    assert len(read_runs("exp")) == 3


def test_scores_are_those_of_the_latest_finished_run():
    save(scores(score=1.0))
    save(scores(score=2.0))
    save(scores("stacking", score=5.0))
    save(scores(score=9.0), status="failed")

    found = read_scores("exp").set_index("method")["score"]

    assert found.to_dict() == {"moe": 2.0, "stacking": 5.0}


def test_runs_with_other_numbers_of_folds_are_not_mixed():
    save(scores("old"))
    save(scores("new").assign(n_folds=3))
    save(scores("elsewhere").assign(dataset="e"))

    assert read_scores("exp")["method"].tolist() == ["new", "elsewhere"]


def test_scores_survive_the_file_exactly():
    save(pd.concat([scores("None", 0.1 + 0.2), scores("nan", float("nan"))]))

    found = read_scores("exp")

    assert found["method"].tolist() == ["None", "nan"]
    assert found["score"].iloc[0] == 0.1 + 0.2
    assert pd.isna(found["score"].iloc[1])


def test_a_misspelt_experiment_is_told():
    save(scores(), experiment="01_compare")
    with pytest.raises(ValueError, match=r"Did you mean '01_compare'\? Experiments there"):
        read_scores("01_compar")


def test_scratch_of_a_dead_process_is_cleared_and_that_of_a_living_one_is_not(lab):
    living = new_scratch("results")
    dead = living.with_name(living.name.replace(f"-{os.getpid()}-", "-4194399-"))
    shutil.copytree(living, dead)

    other = new_scratch("results")

    assert living.is_dir()
    assert not dead.exists()
    drop_scratch(living)
    drop_scratch(other)
    assert everything(lab.root / "results") == []


@pytest.mark.parametrize("results_dir", ["taken/results", "/proc/results"])
def test_an_unwritable_results_folder_is_told_before_the_work(lab, results_dir):
    (lab.root / "taken").write_text("a file is in the way")

    with pytest.raises(ValueError, match="results_dir must be a folder that can be written, got"):
        open_run(results_dir=results_dir, parameters={}, notebook="exp")

    assert (lab.root / "taken").read_text() == "a file is in the way"


def test_results_are_below_the_lab_root(lab, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert results_folder("results") == lab.root / "results"
    assert results_folder(tmp_path / "other") == tmp_path / "other"
    assert check_writable("results").is_dir()


def test_a_notebook_that_publishes_itself_leaves_nothing_until_then(lab):
    import matplotlib.figure

    run = open_run(results_dir="results", parameters={"dataset": "ames"}, notebook="exp")
    run.save_scores(scores())
    run.save_figure(matplotlib.figure.Figure(), "scores")
    assert everything(lab.root / "results") == []

    path = run.publish()

    assert everything(path) == ["figures", "figures/scores.png", "run.json", "scores.csv"]
    record = json.loads((path / "run.json").read_text())
    assert (record["status"], record["key"], record["by"]) == ("done", None, "notebook")
    assert record["versions"]["moe_lab"]
    assert record["parameters"] == {"dataset": "ames"}
    assert read_scores("exp")["score"].tolist() == [1.0]


def test_a_published_run_publishes_once_and_takes_nothing_more():
    run = open_run(results_dir="results", parameters={}, notebook="exp")
    path = run.publish()

    assert run.publish() == path
    assert len(read_runs("exp")) == 1
    with pytest.raises(ValueError, match="run the cell with open_run again"):
        run.save_scores(scores())


def test_a_run_whose_publishing_fails_leaves_nothing(lab, monkeypatch):
    run = open_run(results_dir="results", parameters={}, notebook="exp")
    run.save_scores(scores())
    monkeypatch.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        run.publish()

    assert everything(lab.root / "results") == ["exp", "exp/runs"]


def test_under_the_runner_files_go_to_its_folder_at_once(lab, monkeypatch):
    monkeypatch.setenv("MOE_LAB_RUN_FOLDER", str(lab.root / "scratch"))

    run = open_run(results_dir="results", parameters={}, notebook="exp")
    run.save_scores(scores())

    assert run.publish() is None
    assert everything(lab.root / "scratch") == ["scores.csv"]
    assert not (lab.root / "results").exists()


def test_the_key_is_of_code_parameters_and_data(lab):
    path = lab.notebook("exp", "seed = 0", "print(seed)")
    key = run_key(path, {"seed": 0, "results_dir": "a"}, data="d")

    assert key == run_key(path, {"seed": 0, "results_dir": "b"}, data="d")
    assert key != run_key(path, {"seed": 1}, data="d")
    assert key != run_key(path, {"seed": 0}, data="e")
    lab.drop_in("experts", "mine", "1")  # what a run makes use of is recorded beside the key
    assert key == run_key(path, {"seed": 0, "results_dir": "a"}, data="d")


def test_the_key_ignores_outputs_and_words_but_not_code(lab):
    path = lab.notebook("exp", "seed = 0", "print(seed)")
    key = run_key(path, {"seed": 0})

    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("Hello"))
    notebook.cells[1].execution_count = 7
    notebook.cells[1].source = "seed = 5"  # a default: parameters hold what counts
    nbformat.write(notebook, path)
    assert run_key(path, {"seed": 0}) == key

    notebook.cells[2].source = "print(seed + 1)"
    nbformat.write(notebook, path)
    assert run_key(path, {"seed": 0}) != key


def test_the_fingerprint_sees_one_changed_cell_and_a_changed_name():
    data = load_dataset("mcycle")
    other = load_dataset("mcycle")
    assert fingerprint(data) == fingerprint(other)
    other.X.iloc[5, 0] += 1e-9
    assert fingerprint(data) != fingerprint(other)
    other.X.iloc[5, 0] = data.X.iloc[5, 0]
    other.X.columns = ["clock"]
    assert fingerprint(data) != fingerprint(other)


def test_parameters_are_read_without_running_them(lab):
    code = "a = 1  # rows = many\nb = 'x#=y'\nc: float = -0.5\nd = [1, 'z']\n"
    assert parameter_cell(lab.notebook("exp", code)) == {"a": 1, "b": "x#=y", "c": -0.5} | {
        "d": [1, "z"]
    }
    with pytest.raises(ValueError, match="literals alone, got 'b = 2 \\* a'"):
        parameter_cell(lab.notebook("exp", "a = 1\nb = 2 * a"))


def test_a_file_that_is_no_notebook_is_told(lab):
    (lab.root / "broken.ipynb").write_text("{}")
    with pytest.raises(ValueError, match="must be an .ipynb file of format 4"):
        parameter_cell(lab.root / "broken.ipynb")


def test_outside_git_there_is_no_commit():
    assert git_commit() is None
    assert set(versions()) >= {"python", "moe_lab", "torch", "xgboost"}
