"""The notebooks: committed without outputs, thin, and running through papermill."""

import re
import shutil
from pathlib import Path

import nbformat
import papermill
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
INDEX = FOLDER / "index.ipynb"
NOTEBOOKS = sorted(set(FOLDER.glob("*.ipynb")) - {INDEX})
TINY = {
    "00_four_steps": {"n_samples": 80},
    "02_your_expert": {"dataset": "mcycle", "folds": 2},
    "03_classical": {
        "max_experts": 2,
        "n_samples_regimes": 200,
        "n_seeds_trees": 1,
        "n_samples_trees": 120,
        "folds": 2,
        "n_samples_arm": 400,
        "n_experts_arm": 2,
        "n_init_arm": 1,
        "n_seeds_spirals": 1,
        "n_samples_spirals": 120,
        "n_experts_spirals": 3,
        "n_repeats_mcycle": 1,
        "folds_mcycle": 2,
        "n_jobs": 1,
    },
    "04_mixture_vs_stacking": {
        "dataset": "concrete",
        "n_train": 120,
        "n_test": 100,
        "n_seeds": 2,
        "labels": "stacking, log-odds stacking, one lightgbm",
        "look_into": "mixture",
    },
    "07_your_table": {
        "table": str(Path(__file__).parent / "data" / "regimes.csv"),
        "target": "y",
        "preset": "fast",
        "baseline": "linear",
        "methods": "moe_boosting",
        "folds": 2,
    },
    "08_densities": {
        "n_experts": 2,
        "dataset": "mcycle",
        "methods": "moe_em_linear",
        "experts": "linear, extra_trees",
        "folds": 2,
    },
    "09_past_one_machine": {
        "workers": 1,
        "seeds": [0],
        "methods": "linear",
        "experts": "linear, k_nearest",
        "large": "mcycle",
    },
    "06_sweep": {"datasets": ["mcycle", "two_lines"], "seeds": [0], "methods": "linear"},
    "05_sparse_layer": {
        "n_facts": 120,
        "n_topics": 3,
        "n_answers": 4,
        "dim": 4,
        "n_experts": 8,
        "hidden_dim": 4,
        "n_steps": 12,
        "batch_size": 60,
        "learning_rates": [0.01, 0.03],
        "n_seeds": 2,
        "device": "cpu",
        "n_jobs": 1,
    },
}


def cells_of(notebook, kind):
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == kind]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(notebook):
    code = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
    assert [c for c in code if c.outputs or c.execution_count] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin(notebook):
    cells = [
        source for source in cells_of(notebook, "code") if not source.startswith("%%writefile")
    ]
    assert 8 <= len(cells) <= 15
    assert [
        source for source in cells if re.search(r"^\s*(def|class|for|while)\b", source, re.M)
    ] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_with_its_question_and_ends_in_what_we_saw(notebook):
    told = cells_of(notebook, "markdown")
    question = told[0].splitlines()[0]
    assert question.startswith("# ")
    assert question.endswith("?")
    assert sum(cell.startswith("## What we saw") for cell in told[-2:]) == 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_we_saw_holds_no_number_that_was_typed(notebook):
    (seen,) = [cell for cell in cells_of(notebook, "markdown") if "## What we saw" in cell]
    assert re.findall(r"(?<![\w`])[.\d]*\d", seen.replace("1994", "")) == []


def test_the_index_links_every_notebook_with_its_question():
    (page,) = cells_of(INDEX, "markdown")
    links = dict(re.findall(r"^\| \[(\w+)\]\(\1\.ipynb\) \| (.*) \|$", page, re.M))
    titles = {path.stem: cells_of(path, "markdown")[0].splitlines()[0] for path in NOTEBOOKS}
    assert {name: f"# {question}" for name, question in links.items()} == titles
    assert cells_of(INDEX, "code") == []


def execute(notebook, out, **parameters):
    """Run a notebook with tiny parameters; fail where a cell was not run to its end."""
    parameters = TINY[notebook.stem] | parameters
    done = papermill.execute_notebook(
        notebook, out, parameters, kernel_name="python3", progress_bar=False
    )
    assert [
        cell for cell in done.cells if cell.cell_type == "code" and not cell.execution_count
    ] == []


# 01 runs through papermill in cli/test_cli.py and in test_browser.py, 02 below.
ELSEWHERE = ("01_compare", "02_your_expert")
RUN_HERE = [path for path in NOTEBOOKS if path.stem not in ELSEWHERE]


@pytest.mark.slow
@pytest.mark.parametrize("notebook", RUN_HERE, ids=lambda path: path.stem)
def test_a_notebook_runs_through_papermill(notebook, tmp_path, lab, monkeypatch):
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    (lab.root / "notebooks").mkdir()  # 06 sweeps 01
    shutil.copy(notebook.with_name("01_compare.ipynb"), lab.root / "notebooks")
    execute(notebook, tmp_path / "out.ipynb")


@pytest.mark.slow
def test_the_expert_of_notebook_02_is_still_there_after_a_restart(tmp_path, lab, monkeypatch):
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    notebook = next(path for path in NOTEBOOKS if path.stem == "02_your_expert")
    for name in ("first.ipynb", "again.ipynb"):  # the second run meets the files of the first
        execute(notebook, tmp_path / name, lab=str(lab.root))
    listed = lab.run("from moe_lab.registry import experts; print(experts.names())")
    assert "'gradient_boosting'" in listed.stdout
    assert "'spline'" in listed.stdout
