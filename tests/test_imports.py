"""What is imported when: nothing heavy by `import moe_lab`, and only downwards."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import moe_lab

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "xgboost", "lightgbm", "sklearn", "scipy", "pandas", "numpy", "matplotlib"}


def test_import_moe_lab_is_cheap():
    code = f"""
import sys
import moe_lab
print(sorted({HEAVY} & set(sys.modules)), len(sys.modules) < 250)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[] True\n", done.stderr


def lint_imports(root):
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    env = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)


def test_imports_point_one_way_and_in_no_circle():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


PLANTED = [
    ("likelihood/arrays.py", "from moe_lab.train import base", "One way BROKEN"),
    ("table/folds.py", "def f():\n    import moe_lab.likelihood.arrays", "One way BROKEN"),
    ("loose.py", "", "One way BROKEN"),
    ("table/chosen.py", "def f():\n    from moe_lab.table import numeric", "Circles BROKEN"),
]


@pytest.mark.parametrize(("module", "line", "broken"), PLANTED, ids=[one[0] for one in PLANTED])
def test_a_planted_import_is_found(tmp_path, module, line, broken):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "moe_lab", tmp_path / "moe_lab")
    with (tmp_path / "moe_lab" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert broken in done.stdout or "must be in a layer" in done.stdout, done.stdout + done.stderr


def test_every_folder_is_a_package():
    """import-linter and the wheel see no folder without an __init__.py."""
    folders = {path.parent for path in (ROOT / "moe_lab").rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} == set()


@pytest.mark.parametrize("name", moe_lab.__all__)
def test_public_names_are_there(name):
    assert getattr(moe_lab, name) is not None
    assert name in dir(moe_lab)


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'moe_lab' has no attribute 'MoEClasifier'"):
        moe_lab.MoEClasifier  # noqa: B018
