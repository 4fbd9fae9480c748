"""A lab in a temporary folder, commands that run in it, and what they and theirs have used."""

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from moe_lab.runs.provenance import git_commit, machine, versions

__all__ = ["MOE_LAB", "facts", "measured", "temporary_lab"]

MOE_LAB = (sys.executable, "-m", "moe_lab.cli")
CAPS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


@contextmanager
def temporary_lab(**notebooks: list[str]) -> Iterator[tuple[Path, dict]]:
    """Give a lab with notebooks, name -> cells with the parameters first, and an environment.

    Libraries have one thread in all that is compared.
    """
    import nbformat

    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text("[tool.moe_lab]\n")
        (root / "notebooks").mkdir()
        for name, cells in notebooks.items():
            made = [nbformat.v4.new_code_cell(code) for code in cells]
            made[0].metadata["tags"] = ["parameters"]
            kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
            whole = nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel})
            nbformat.write(whole, root / "notebooks" / f"{name}.ipynb")
        environment = {**os.environ, **dict.fromkeys(CAPS, "1"), "MOE_LAB_ROOT": str(root)}
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[3])
        yield root, environment


def measured(command: list[str], root: Path, environment: dict) -> tuple[float, float]:
    """Run a command to its end and that of all it has started; return CPU and wall seconds.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    with suppress(AttributeError, OSError):  # Linux: what it leaves behind becomes our child
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - start
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def facts(command: str) -> str:
    """Return the lines that say where, when and by what a page was made."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    used = {name: version for name, version in versions().items() if name in ("python", "torch")}
    named = ", ".join(f"{name} {version}" for name, version in used.items())
    return (
        f"- machine: {machine()}; load over 1, 5, 15 minutes at the end: {load}\n"
        f"- versions: commit {(git_commit() or 'unknown')[:7]}, {named}\n"
        f"- date: {date.today()}\n- command: `{command}`"
    )
