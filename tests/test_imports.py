"""What is imported when: nothing heavy by `import moe_lab`, and only downwards."""

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


def test_imports_point_one_way():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


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
