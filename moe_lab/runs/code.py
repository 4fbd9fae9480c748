"""Whether two machines run the same code: moe_lab, the lab's plugins, the notebook."""

import platform
import socket
from importlib import metadata
from pathlib import Path

from moe_lab.registry.loading import registries
from moe_lab.runs.key import package_digest
from moe_lab.runs.provenance import digest

__all__ = ["CodeDiffers", "check_code", "code_here"]


class CodeDiffers(ValueError):
    """A worker would run other code than the machine that has asked for the run."""


def code_here(root: str | None, notebooks: list[Path]) -> dict[str, str | None]:
    """Return the hash of all code that runs depend on, libraries aside.

    Parameters
    ----------
    root : str or None
        The lab root.
    notebooks : list of Path
    """
    told: dict = {"moe_lab": package_digest()}
    told["Python"] = platform.python_version().rpartition(".")[0]
    files = [*Path(root, "registry").rglob("*.py")] if root else []
    installed = metadata.entry_points()  # one scan for all groups
    for group in {registry.group for registry in registries if registry.group}:
        dists = [point.dist for point in installed.select(group=group)]
        told |= {f"the package {dist.name}": dist.version for dist in dists if dist}
    for path in [*files, *notebooks]:
        told[str(path)] = digest(path.read_bytes()) if path.is_file() else None
    return told


def check_code(asked: dict, root: str | None, notebooks: list[Path]) -> None:
    """Compare the code here with that of the machine that asks.

    Raises
    ------
    CodeDiffers
        Naming the first difference.
    """
    here = code_here(root, notebooks)
    for name in sorted(asked.keys() | here.keys()):
        if asked.get(name) != here.get(name):
            there, ours = (one.get(name) or "missing" for one in (asked, here))
            raise CodeDiffers(
                f"A worker must have the code of the machine that asks, got {name} {ours} on "
                f"{socket.gethostname()} and {there} there; bring both to one state, then repeat."
            )
