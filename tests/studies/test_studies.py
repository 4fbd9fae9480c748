"""The list of studies: every study has a command, and every command is there."""

import subprocess
import sys
from pathlib import Path

import pytest

import moe_lab
from moe_lab.studies.__main__ import studies

FOLDER = Path(moe_lab.__file__).parent / "studies"
NOTEBOOKS = FOLDER.parents[1] / "notebooks"


def test_every_study_is_listed():
    there = {path.stem for path in FOLDER.iterdir() if not path.name.startswith("_")}
    assert {study.name.split("/")[0] for study in studies()} == there


@pytest.mark.parametrize("study", studies(), ids=lambda study: study.name)
def test_the_command_of_a_study_is_there(study):
    if study.command.startswith("moe-lab run"):
        assert (NOTEBOOKS / f"{study.command.split()[2]}.ipynb").is_file()
        return
    module = study.command.split()[2]
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: ")


def test_the_list_is_printed():
    command = [sys.executable, "-m", "moe_lab.studies"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert all(study.command in done.stdout for study in studies()), done.stdout
