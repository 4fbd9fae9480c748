"""Packages of plugins, installed: the complete one in tests/example_package, and a new one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moe_lab.testing import POOLER_CHECKS

EXAMPLE = Path(__file__).parents[1] / "example_package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with both packages, put there by pip."""
    from moe_lab.cli.plugins import write_plugin

    folder = tmp_path_factory.mktemp("packages")
    example = folder / "example"
    for path in EXAMPLE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            (example / path.relative_to(EXAMPLE)).parent.mkdir(parents=True, exist_ok=True)
            (example / path.relative_to(EXAMPLE)).write_bytes(path.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        toml, *_ = write_plugin("pooler", "my_sharp", package=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--target", folder / "site", example, toml.parent]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return folder


def test_installed_plugins_keep_the_laws_and_their_claims(lab, installed):
    path = os.pathsep.join(filter(None, [str(installed / "site"), os.environ.get("PYTHONPATH")]))
    done = lab.run(
        """
        from moe_lab.registry import experts, gates, poolers
        for plugins, name in ((experts, "huber"), (gates, "near"), (poolers, "my_sharp")):
            card = plugins.check(name)
            print(card.passed, card.origin, plugins.broken)
        """,
        PYTHONPATH=path,
    )
    assert done.stdout.splitlines() == [
        "True entry point huber = moe_lab_example.experts:HuberExpert of moe-lab-example 0.1.0 {}",
        "True entry point near = moe_lab_example.near of moe-lab-example 0.1.0 {}",
        "True entry point my_sharp = moe_lab_my_sharp of moe-lab-my-sharp 0.1.0 {}",
    ], done.stdout + done.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    env = os.environ | {"PYTHONPATH": path, "MOE_LAB_ROOT": str(lab.root)}
    for package, passed in (("example", 2), ("moe-lab-my-sharp", len(POOLER_CHECKS) + 1)):
        cwd = installed / package
        ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
        assert f"{passed} passed" in ran.stdout, ran.stdout
