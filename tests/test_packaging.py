"""What a user installs: a wheel of moe_lab alone, and exact versions of all it needs."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import moe_lab

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def pinned() -> dict:
    return {canonicalize_name(name): version for name, version in (pin.split("==") for pin in PINS)}


@pytest.fixture(scope="module")
def needed() -> dict:
    """Every installed distribution that some requirement of ours leads to, with its version."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    to_do = [Requirement(text) for one in lists for text in one]
    found, done = {}, set()
    while to_do:
        requirement = to_do.pop()
        name = canonicalize_name(requirement.name)
        if (name, *requirement.extras) in done or name == "moe-lab":
            continue
        done.add((name, *requirement.extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError:  # an extra that this environment does without
            continue
        found[name] = installed.version.partition("+")[0]
        environments = [{"extra": extra} for extra in requirement.extras or [""]]
        for requires in map(Requirement, installed.requires or []):
            marker = requires.marker
            if marker is None or any(marker.evaluate(one) for one in environments):
                to_do.append(requires)
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy beside which lies what must not be in it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    shutil.copytree(ROOT / "moe_lab", copy / "moe_lab", ignore=shutil.ignore_patterns("*.py[co]"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("notebooks", "registry", "results", "tests", "moe_labour"):
        (copy / name).mkdir()
        (copy / name / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_moe_lab_alone(wheel):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {path for path in (ROOT / "moe_lab").rglob("*") if path.is_file()}
    source = {path.relative_to(ROOT) for path in source}
    source = {path for path in source if not {"__pycache__", "course"} & set(path.parts)}
    course = {f"moe_lab/course/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert packed == {path.as_posix() for path in source} | course


@pytest.fixture
def installed(wheel, tmp_path):
    """Call commands of an environment of its own: the wheel over the packages of this one."""
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    (site,) = environment.glob("lib/python*/site-packages")
    # A line of a .pth file: what is editable there, moe_lab itself, is not seen.
    (site / "beside.pth").write_text(sysconfig.get_path("purelib"))
    ours = {name: text for name, text in os.environ.items() if not name.startswith("MOE_LAB_")}
    ours.pop("PYTHONPATH", None)

    def call(program, *arguments, cwd):
        command = [environment / "bin" / program, *map(str, arguments)]
        ran = subprocess.run(command, cwd=cwd, env=ours, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    call.site = site
    return call


CELLS = (
    "dataset = 'two_lines'",
    "from moe_lab import MoERegressor\nfrom moe_lab.registry import datasets\n"
    "data = datasets.create(dataset)\n"
    "MoERegressor(['huber', 'linear'], random_state=0).fit(data.X, data.y).predict(data.X)",
)


@pytest.mark.slow
def test_an_installed_wheel_makes_a_lab_with_a_plugin_and_runs_a_notebook(installed, tmp_path):
    where = installed("python", "-c", "import moe_lab; print(moe_lab.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.site)
    installed("moe-lab", "init", "my_lab", cwd=tmp_path)
    lab = tmp_path / "my_lab"
    huber = ["expert", "huber", "--from", "sklearn.linear_model.HuberRegressor"]
    installed("moe-lab", "plugins", "new", *huber, cwd=lab)
    assert " keeps its " in installed("moe-lab", "plugins", "check", "huber", cwd=lab)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in CELLS])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, lab / "notebooks" / "mine.ipynb")
    assert "done     mine two_lines in" in installed("moe-lab", "run", "mine", cwd=lab)
    (record,) = lab.glob("results/mine/runs/*/run.json")
    depended = json.loads(record.read_text())
    assert "registry/experts/huber.py" in str(depended)
    assert str(ROOT / "moe_lab") not in str(depended)


def test_every_imported_package_is_a_requirement():
    lists = [
        PROJECT["dependencies"],
        *map(PROJECT["optional-dependencies"].get, ("catboost", "cluster", "docs")),
    ]
    declared = {canonicalize_name(Requirement(text).name) for one in lists for text in one}
    declared |= {"dask"}  # of distributed
    brought_by = packages_distributions()
    imported = {top for path in (ROOT / "moe_lab").rglob("*.py") for top in top_imports(path)}
    outside = imported - set(sys.stdlib_module_names) - {"moe_lab"}
    undeclared = {
        name
        for name in outside
        if not {canonicalize_name(one) for one in brought_by.get(name, [name])} & declared
    }
    assert undeclared == set()


def top_imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_every_requirement_is_pinned_to_what_is_installed(needed, pinned):
    assert {name: pinned.get(name) for name in needed} == needed


def test_nothing_is_pinned_that_nothing_needs(needed, pinned):
    dev = {"cfgv", "distlib", "identify", "nodeenv", "pre-commit", "python-discovery", "virtualenv"}
    assert set(pinned) - set(needed) <= dev


def test_pins_are_exact_versions_without_addresses():
    assert [pin for pin in PINS if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []


def test_jsonschema_stays_below_the_slow_import(pinned):
    assert tuple(map(int, pinned["jsonschema"].split(".")[:2])) < (4, 25)


def test_requirements_are_ranges_and_data_sets_exact():
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert {one.operator for one in requirement.specifier} == {">="}, requirement
    for requirement in map(Requirement, PROJECT["optional-dependencies"]["datasets"]):
        assert {one.operator for one in requirement.specifier} == {"=="}, requirement


def test_the_installed_version_is_that_of_the_package():
    assert distribution("moe_lab").version == moe_lab.__version__


def test_no_top_level_folder_beyond_the_agreed_ones():
    command = ["git", "-C", str(ROOT), "ls-files"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    folders = {Path(name).parts[0] for name in listed.stdout.splitlines() if "/" in name}
    assert folders - {"notebooks", "moe_lab", "registry", "results", "tests"} == {".ci"}
