"""What makes two runs the same: the notebook's code, its parameters, the data, moe_lab."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import moe_lab
from moe_lab.datasets.fingerprint import fingerprint
from moe_lab.runs.literals import literal
from moe_lab.runs.notebook import code_cells, parsed
from moe_lab.runs.provenance import digest, digest_files

__all__ = [
    "PARTS",
    "code_parts",
    "fingerprint",
    "key_of",
    "key_parts",
    "package_digest",
    "run_key",
]


NOT_IN_KEY = ("results_dir",)  # where results go does not change them
PARTS = {
    "code": "the notebook's code",
    "parameters": "a file among the parameters",
    "data": "the data",
    "moe_lab": "moe_lab",
    "cwd": "the kernel's folder",
}


def run_key(notebook: Path, parameters: dict, data: str = "") -> str:
    """Return the key of a run.

    What else a run depends on is known only when it has ended: the plugins it created and the
    modules it imported. They are recorded beside the key, and compared before a run is skipped.

    Parameters
    ----------
    notebook : Path
        Its code cells count, without comments, except the one of the parameters.
    parameters : dict
        All parameters with their values; `results_dir` does not count.
    data : str, default=""
        Fingerprint of the data.

    Returns
    -------
    key : str
        Hash of code, parameters, data and the source of moe_lab.
    """
    return key_of(key_parts(notebook, parameters, data))


def key_of(parts: dict[str, str]) -> str:
    """Return the key that the parts make."""
    return digest(repr(sorted(parts.items())).encode())


def key_parts(
    notebook: str | Path, parameters: dict, data: Any = "", code: dict | None = None
) -> dict:
    """Return the hash of each part of a key, so that it can be said which has changed.

    `code` is what `code_parts` said of the notebook, where that is known already.
    """
    code = code or code_parts(notebook)
    told = {name: value for name, value in parameters.items() if name not in NOT_IN_KEY}
    return {
        "code": code["code"],
        "parameters": digest(literal(dict(sorted(told.items()))).encode()),
        "data": data,
        "moe_lab": code["moe_lab"],
    }


def code_parts(notebook: str | Path) -> dict:
    """Return the parts of a key that all runs of a notebook share."""
    code = [parsed(source) for source, tags in code_cells(notebook) if "parameters" not in tags]
    told = digest(repr([source for source in code if source]).encode())
    return {"code": told, "moe_lab": package_digest()}


def package_digest() -> str:
    """Return version and hash of moe_lab's source, which is read again when a file has changed."""
    # The version alone would skip runs after a change of moe_lab in a checkout.
    here = Path(__file__).parents[1]
    paths = sorted(here.rglob("*.py"))
    stats = [path.stat() for path in paths]
    return _digest_of(tuple(paths), tuple((one.st_mtime_ns, one.st_size) for one in stats))


@lru_cache(maxsize=1)
def _digest_of(paths, stats):
    return moe_lab.__version__ + digest_files(paths, Path(__file__).parents[1])
