"""A progress bar that is seen in a terminal, in JupyterLab and under `moe-lab run`."""

import os
import sys

MARK = "\x1e"  # before a line that the runner shows while the run goes on
RUN_FOLDER = "MOE_LAB_RUN_FOLDER"  # set by `moe-lab run`: where the kernel leaves its files


def progress_bar(total, *, unit, shown=True):
    """Return a tqdm bar, to be used in a with block.

    Parameters
    ----------
    total : int
    unit : str
        What is counted.
    shown : bool, default=True
    """
    if os.environ.get(RUN_FOLDER):  # a widget would be seen by nobody: the runner relays text
        from tqdm import tqdm
    else:
        from tqdm.auto import tqdm
    return tqdm(total=total, unit=unit, disable=not shown)


def tell(line) -> None:
    """Say what has been reached, in a line that stays above the progress bar."""
    from tqdm import tqdm

    tqdm.write((MARK if os.environ.get(RUN_FOLDER) else "") + line, file=sys.stderr)


def progress(steps, title, verbose):
    """Wrap a sequence in a progress bar if ``verbose``."""
    if not verbose:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc=title, leave=False)
