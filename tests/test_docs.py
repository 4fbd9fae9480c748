"""What is written holds: code blocks, commands, quoted numbers, pages that name all plugins."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moe_lab.cli import main
from moe_lab.registry.kinds import folder_of, kinds
from moe_lab.runs.sweeps import plan_sweep, read_sweep

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md")
STUDIES = ROOT / "results" / "reference"
CONCEPTS = [kind for kind in kinds() if kind != "dataset"]


def blocks(language, *pages):
    """Return the code blocks of that language."""
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in pages or PAGES]
    found = [re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) for text in texts]
    return [code for page in found for name, code in page if name == language]


def test_every_block_of_code_is_of_a_language_that_a_test_reads():
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    n_blocks = sum(text.count("```") for text in texts) / 2
    read = ("sh", "python", "toml", "sql")  # sql: tests/runs/test_loading.py
    assert n_blocks == sum(len(blocks(language)) for language in read)


@pytest.mark.slow
def test_the_python_of_the_pages_runs_in_its_order(lab):
    rng = np.random.default_rng(0)
    customers = pd.DataFrame({"age": rng.integers(18, 80, 80), "plan": rng.choice(["a", "b"], 80)})
    customers["churn"] = np.where(customers["age"] + rng.normal(0, 9, 80) > 50, "yes", "no")
    customers.to_csv(lab.root / "customers.csv", index=False)
    ran = lab.run("\n".join(blocks("python")) + "\nprint('to the end')")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("to the end\n")


def test_the_sweep_of_the_readme_is_planned(tmp_path, monkeypatch):
    monkeypatch.setenv("MOE_LAB_ROOT", str(ROOT))
    (code,) = [one for one in blocks("toml", "README.md") if "[grid]" in one]
    (tmp_path / "sweep.toml").write_text(code)
    plans = plan_sweep(read_sweep(str(tmp_path / "sweep.toml")))
    assert [plan.parameters["dataset"] for plan in plans].count("concrete") == 1
    assert len(plans) == 2 * 3 - 1 + 1


def test_the_entry_points_of_the_pages_name_a_kind():
    (code,) = blocks("toml", "CONTRIBUTING.md")
    groups = tomllib.loads(code)["project"]["entry-points"]
    assert set(groups) <= {plugins.group for plugins in kinds().values()}


def commands():
    """Return the lines of the shell that the pages show."""
    lines = [
        part for block in blocks("sh") for line in block.splitlines() for part in line.split("&&")
    ]
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_pages_is_one(line):
    program, *words = line.replace("'", "").split()
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.M)
    elif program == "moe-lab":
        group = main
        while hasattr(group, "commands"):
            group = group.commands[words.pop(0)]
        group.make_context(group.name, words)  # raises on an unknown option
    elif words[:1] == ["-m"] and words[1].startswith("moe_lab"):
        folder = Path(find_spec(words[1]).origin)
        beside = folder.parent.glob("*.py") if folder.name == "__init__.py" else [folder]
        source = "".join(path.read_text(encoding="utf-8") for path in beside)
        assert [word for word in words if word.startswith("--") and word not in source] == []
    else:
        assert program in {"pip", "cd", "python3", "/path/to/ag/bin/pip"}


@pytest.mark.parametrize("kind", CONCEPTS)
def test_the_page_of_a_kind_names_every_plugin_of_the_package(kind):
    plugins = kinds()[kind]
    home = find_spec(f"moe_lab.{folder_of(plugins)}").origin
    page = Path(home).read_text(encoding="utf-8").split('"""')[1]
    built_in = [
        name for name in plugins.names() if plugins.card(name).origin.startswith("moe_lab.")
    ]
    assert [name for name in built_in if f"`{name}`" not in page] == []
    assert 10 <= len(page.splitlines()) <= 36


def quoted():
    text = (STUDIES / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (?:.* \| )?(.*) \| \[[\w ]+\]\((.*)\) \|$", text, re.M)


@pytest.mark.parametrize(("measured", "study"), quoted())
def test_a_number_that_is_quoted_stands_in_its_study(measured, study):
    page = (STUDIES / study).read_text(encoding="utf-8")
    numbers = re.findall(r"(?<![\d.])-?\d*\.\d+", measured)
    assert numbers
    known = re.findall(r"(?<![\d.])-?\d*\.\d+", page)
    assert set(map(float, numbers)) - set(map(float, known)) == set()
