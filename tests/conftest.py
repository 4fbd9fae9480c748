"""What all tests share: a lab in a temporary folder, and a browser where there is one."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
collect_ignore = ["example_package"]  # its tests need it installed


class Lab:
    """A lab of its own: drop-ins are written into it, code runs in it as a fresh process."""

    def __init__(self, root: Path):
        self.root = root
        (root / "pyproject.toml").write_text("[tool.moe_lab]\n")

    def drop_in(self, folder: str, name: str, code: str) -> Path:
        """Write registry/FOLDER/NAME.py."""
        path = self.root / "registry" / folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code))
        return path

    def notebook(self, name: str, parameters: str, *cells: str) -> Path:
        """Write notebooks/NAME.ipynb: a parameters cell, then cells of code."""
        import nbformat

        made = [nbformat.v4.new_code_cell(textwrap.dedent(code)) for code in (parameters, *cells)]
        made[0].metadata["tags"] = ["parameters"]
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
        return path

    def run(self, code: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess:
        """Run code in a fresh process whose working directory is the lab."""
        clean = {key: text for key, text in os.environ.items() if not key.startswith("MOE_LAB_")}
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=cwd or self.root,
            env=clean | env,
            capture_output=True,
            text=True,
            timeout=120,
        )


def pytest_collection_modifyitems(items):
    """Start with the slow tests: no worker is left with a long one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def lab(tmp_path) -> Lab:
    """A lab in a temporary folder."""
    root = tmp_path / "lab"
    root.mkdir()
    return Lab(root)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one, browser tests are skipped, or fail in CI."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        reason = "no Chromium on the path; apt-get install chromium"
        required = os.environ.get("MOE_LAB_REQUIRE_BROWSER", "0") not in ("", "0")
        (pytest.fail if required else pytest.skip)(reason)
    return found


@pytest.fixture
def interruptible():
    """Ctrl-C interrupts, as in a kernel, whoever ignores or handles it around the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
