"""moe-lab init and open: a lab outside the repository, with the course and examples that work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="module")
def made(tmp_path_factory, command):
    """A lab as `moe-lab init` makes it."""
    folder = tmp_path_factory.mktemp("labs")
    ran = command("init", "my_lab", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    assert "pip install torch --index-url https://download.pytorch.org/whl/cpu" in ran.stdout
    return folder / "my_lab"


def test_a_new_lab_holds_the_course_and_says_where_it_is(made, command):
    course = {path.name: path.read_bytes() for path in NOTEBOOKS.glob("*.ipynb")}
    assert {path.name: path.read_bytes() for path in (made / "notebooks").iterdir()} == course
    assert (made / "results").is_dir()
    assert "/results/" in (made / ".gitignore").read_text()
    told = command("lab", cwd=made / "notebooks").stdout
    assert f"lab root  {made}" in told
    assert "broken plugins: none" in told


def test_the_example_of_each_kind_keeps_the_laws_of_its_kind(made):
    code = """
from moe_lab.registry.kinds import kinds
from moe_lab.testing import example
from moe_lab.testing.laws import laws_of
for kind, plugins in kinds().items():
    for law in laws_of(plugins):
        law(example(plugins, f"my_{kind}"))
print(len(kinds()))
"""
    env = os.environ | {"MOE_LAB_ROOT": str(made)}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ran.stdout == "7\n", ran.stderr


def test_what_is_there_is_never_overwritten(made, tmp_path, command):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    again = command("init", made, cwd=tmp_path)
    (tmp_path / "file").write_text("mine")
    onto_a_file = command("init", "file", cwd=tmp_path)
    for ran in (again, onto_a_file):
        assert ran.returncode == 1
        assert ran.stderr.startswith("Error: FOLDER must be new or empty, got")
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
    assert (tmp_path / "file").read_text() == "mine"


def test_open_starts_jupyterlab_on_the_notebooks(made, command):
    ran = command("open", "--show-config-json", cwd=made / "registry")
    told = json.loads(ran.stdout)
    assert told["ServerApp"]["root_dir"] == str(made)
    assert told["LabApp"]["default_url"] == "/lab/tree/notebooks"


def test_open_outside_of_a_lab_says_how_to_make_one(tmp_path, command):
    ran = command("open", cwd=tmp_path)
    assert ran.returncode == 1
    assert "must be called in a lab, got none around" in ran.stderr
    assert "`moe-lab init FOLDER` makes one." in ran.stderr
