"""What tests of the command share: one way to call it as a shell does."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "moe_lab.cli"]


def _call(*arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess:
    """Run moe-lab with these arguments; of the variables MOE_LAB_... only those given are set."""
    env = {key: text for key, text in os.environ.items() if not key.startswith("MOE_LAB_")}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=env | more,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def command() -> Callable:
    """Run moe-lab with some arguments in a folder: ``command("lab", cwd=folder)``."""
    return _call


@pytest.fixture
def environment(lab, monkeypatch) -> dict:
    """The environment of a shell inside a lab of our own; the test itself is in that lab, too."""
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    monkeypatch.delenv("MOE_LAB_RUN_FOLDER", raising=False)
    return dict(os.environ)


@pytest.fixture
def moe_lab(lab, environment) -> Callable:
    """Run moe-lab in that lab."""
    return partial(_call, cwd=lab.root)
